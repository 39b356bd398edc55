export { Heartbeats } from './heartbeats.ts';
export { InstanceExpiry } from './instance-expiry.ts';
export { deregisterInstance, heartbeat, listInstances, type RegistryContext, registerInstance } from './instances.ts';
