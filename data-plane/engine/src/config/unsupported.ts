/**
 * What this version does not enforce. Applying it is refused by name. Each entry is a name in the descriptors:
 * - of a message: a kind as a whole, `sluice.config.v1.Issuer`
 * - of a field: `sluice.config.v1.Service.tls`
 * - of an enum value: `sluice.config.v1.SERVICE_PROTOCOL_GRPC`
 */
export type UnsupportedTable = readonly string[];

export const UNSUPPORTED: UnsupportedTable = [
  'sluice.config.v1.Certificate',

  'sluice.config.v1.Listener.certificates',
  'sluice.config.v1.Listener.client_certificates',
  'sluice.config.v1.Listener.http2',
  'sluice.config.v1.Listener.proxy_protocol',
  'sluice.config.v1.LISTENER_PROTOCOL_HTTPS',
  'sluice.config.v1.LISTENER_PROTOCOL_MQTT',
  'sluice.config.v1.LISTENER_PROTOCOL_MQTTS',

  'sluice.config.v1.SERVICE_PROTOCOL_HTTP2',
  'sluice.config.v1.SERVICE_PROTOCOL_GRPC',
  'sluice.config.v1.HealthCheck.grpc',
  'sluice.config.v1.Service.tls',

  'sluice.config.v1.AuthMethod.mtls',

  'sluice.config.v1.Route.mqtt',
];
