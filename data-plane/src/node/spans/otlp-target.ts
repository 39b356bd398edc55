import type { Settings } from '../settings.ts';

/** Who takes spans, one batch at a time. */
export interface SpanTarget {
  /** `lines`: requests as workers write them. Resolves with the number of spans when they are taken; rejects where they are lost. */
  send(lines: Buffer): Promise<number>;
  /** What is under way is given up. */
  close(): void;
}

/** A batch that is not taken within this, tried again as OTLP says, is lost. */
const EXPORT_TIMEOUT_MS = 10_000;
/** What the exporter has not ended so long after its own timeout it never will. */
const STUCK_MS = 1_000;
const SUCCESS = 0;

/**
 * A receiver of OTLP over HTTP in protobuf, such as Jaeger or a collector; `/v1/traces` is added to the endpoint. The exporter is
 * OpenTelemetry's, so that OTEL_EXPORTER_OTLP_HEADERS, _COMPRESSION, _CERTIFICATE and the like hold. Loaded only where it is used.
 */
export async function openOtlp(
  endpoint: string,
  { nodeId, group, zone }: Pick<Settings, 'nodeId' | 'group' | 'zone'>,
  version: string,
  timeoutMs: number = EXPORT_TIMEOUT_MS,
): Promise<SpanTarget> {
  const [{ OTLPTraceExporter }, { resourceFromAttributes }, { readSpans }] = await Promise.all([
    import('@opentelemetry/exporter-trace-otlp-proto'),
    import('@opentelemetry/resources'),
    import('./read-spans.ts'),
  ]);
  const url = `${endpoint.replace(/\/+$/, '')}/v1/traces`;
  const open = () => new OTLPTraceExporter({ url, timeoutMillis: timeoutMs });
  let exporter = open();
  const resource = resourceFromAttributes({
    'service.name': process.env.OTEL_SERVICE_NAME ?? 'sluice',
    'service.version': version,
    'service.instance.id': nodeId,
    'sluice.group': group,
    ...(zone !== '' && { 'sluice.zone': zone }),
  });
  return {
    send: (lines) => {
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      const spans = readSpans(lines, resource);
      // As where its request is answered by a switch of protocols. It takes no more once it waits for thirty of them: another goes on.
      const stuck = setTimeout(() => {
        exporter = open();
        reject(new Error('the export does not end'));
      }, timeoutMs + STUCK_MS);
      exporter.export(spans, ({ code, error }) => {
        clearTimeout(stuck);
        if (code === SUCCESS) resolve(spans.length);
        else reject(error ?? new Error('the receiver takes no spans'));
      });
      return promise;
    },
    close: () => void exporter.shutdown().catch(() => undefined),
  };
}
