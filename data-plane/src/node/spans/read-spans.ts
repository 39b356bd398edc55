import { type Attributes, type HrTime, SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';

/** What a worker writes of a traced request (`proxy/record/span-line.ts`). */
interface WrittenRequest extends WrittenSpan {
  readonly traceId: string;
  /** Empty: the trace begins here. */
  readonly parentId: string;
  readonly method: string;
  /** The path that upstreams are asked for; unset where none is. */
  readonly target?: string;
  readonly tries: readonly WrittenTry[];
}

interface WrittenTry extends WrittenSpan {
  /** Of the endpoint. */
  readonly address: string;
}

interface WrittenSpan {
  readonly spanId: string;
  /** Unix time in microseconds. */
  readonly start: number;
  readonly end: number;
  readonly error: string | null;
  readonly attributes: Attributes;
}

const SCOPE = { name: 'sluice' };

/** The spans of the requests on these lines, as an exporter takes them: each request's own, then one for each of its tries. */
export function readSpans(lines: Buffer, resource: Resource): ReadableSpan[] {
  const spans: ReadableSpan[] = [];
  for (const line of lines.toString('latin1').split('\n')) {
    if (line === '') continue;
    const request = JSON.parse(line) as WrittenRequest;
    spans.push(serverSpan(request, resource), ...request.tries.map((each) => clientSpan(request, each, resource)));
  }
  return spans;
}

function serverSpan(request: WrittenRequest, resource: Resource): ReadableSpan {
  const { method, attributes, parentId } = request;
  const route = attributes['http.route'];
  const name = typeof route === 'string' ? `${method} ${route}` : method;
  return readable(request, request, resource, name, SpanKind.SERVER, parentId, { 'http.request.method': method });
}

function clientSpan(request: WrittenRequest, each: WrittenTry, resource: Resource): ReadableSpan {
  const { method, target = '' } = request;
  const url = URL.parse(`http://${each.address}`);
  return readable(request, each, resource, method, SpanKind.CLIENT, request.spanId, {
    'http.request.method': method,
    'network.protocol.version': '1.1',
    'url.full': `http://${each.address}${target}`,
    'server.address': url?.hostname ?? each.address,
    'server.port': Number(url?.port || 80),
  });
}

function readable(
  { traceId, spanId: serverId }: WrittenRequest,
  { spanId, start, end, error, attributes }: WrittenSpan,
  resource: Resource,
  name: string,
  kind: SpanKind,
  parentId: string,
  more: Attributes,
): ReadableSpan {
  const traceFlags = TraceFlags.SAMPLED;
  return {
    name,
    kind,
    resource,
    instrumentationScope: SCOPE,
    spanContext: () => ({ traceId, spanId, traceFlags }),
    ...(parentId !== '' && {
      parentSpanContext: { traceId, spanId: parentId, traceFlags, isRemote: spanId === serverId },
    }),
    startTime: hrTime(start),
    endTime: hrTime(end),
    duration: hrTime(end - start),
    status: { code: error === null ? SpanStatusCode.UNSET : SpanStatusCode.ERROR },
    attributes: { ...more, ...attributes, ...(error !== null && { 'error.type': error }) },
    links: [],
    events: [],
    ended: true,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

function hrTime(us: number): HrTime {
  return [Math.floor(us / 1e6), (us % 1e6) * 1000];
}
