import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BinaryReader } from '@bufbuild/protobuf/wire';

/** A span as it came over the wire. */
export type ReceivedSpan = {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty: none. */
  readonly parentId: string;
  readonly name: string;
  readonly kind: 'server' | 'client' | 'other';
  /** Unix nanoseconds. */
  readonly start: bigint;
  readonly end: bigint;
  readonly isError: boolean;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly resource: Readonly<Record<string, unknown>>;
};

export type OtlpReceiver = AsyncDisposable & {
  readonly url: string;
  readonly spans: ReceivedSpan[];
  /** Headers of the requests that came. */
  readonly contentTypes: string[];
  /** The status of its answers; `never`: none comes. */
  answer: number | 'never';
};

/** Takes traces by OTLP over HTTP in protobuf, and reads them by the numbers of the fields in opentelemetry-proto. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      self.contentTypes.push(`${request.method} ${request.url} ${request.headers['content-type']}`);
      if (self.answer === 'never') return;
      if (self.answer === 200) self.spans.push(...readRequest(Buffer.concat(chunks)));
      response.writeHead(self.answer, { 'content-type': 'application/x-protobuf' }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const self: OtlpReceiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans: [],
    contentTypes: [],
    answer: 200,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return self;
}

/** ExportTraceServiceRequest: resource_spans = 1. */
function readRequest(bytes: Uint8Array): ReceivedSpan[] {
  return messages(bytes, 1).flatMap((resourceSpans) => {
    // ResourceSpans: resource = 1, scope_spans = 2. Resource: attributes = 1. ScopeSpans: spans = 2.
    const resource = Object.fromEntries(messages(resourceSpans, 1).flatMap((each) => messages(each, 1).map(readPair)));
    return messages(resourceSpans, 2).flatMap((scope) => messages(scope, 2).map((span) => readSpan(span, resource)));
  });
}

function readSpan(bytes: Uint8Array, resource: ReceivedSpan['resource']): ReceivedSpan {
  const fields = readFields(bytes);
  const hex = (field: number) => Buffer.from((fields.get(field)?.[0] as Uint8Array | undefined) ?? []).toString('hex');
  const kind = Number(fields.get(6)?.[0] ?? 0);
  // Status: code = 3, where 2 is an error.
  const [status] = (fields.get(15) as Uint8Array[] | undefined) ?? [];
  return {
    ...{ traceId: hex(1), spanId: hex(2), parentId: hex(4), resource },
    name: Buffer.from(fields.get(5)![0] as Uint8Array).toString(),
    kind: kind === 2 ? 'server' : kind === 3 ? 'client' : 'other',
    start: fields.get(7)![0] as bigint,
    end: fields.get(8)![0] as bigint,
    isError: status !== undefined && Number(readFields(status).get(3)?.[0] ?? 0) === 2,
    attributes: Object.fromEntries(((fields.get(9) ?? []) as Uint8Array[]).map(readPair)),
  };
}

/** KeyValue: key = 1, value = 2. AnyValue: string_value = 1, bool_value = 2, int_value = 3, double_value = 4. */
function readPair(bytes: Uint8Array): [string, unknown] {
  const fields = readFields(bytes);
  const key = Buffer.from(fields.get(1)![0] as Uint8Array).toString();
  const value = readFields(fields.get(2)![0] as Uint8Array);
  const text = value.get(1)?.[0] as Uint8Array | undefined;
  return [key, text === undefined ? Number(value.get(3)?.[0]) : Buffer.from(text).toString()];
}

function messages(bytes: Uint8Array, field: number): Uint8Array[] {
  return (readFields(bytes).get(field) ?? []) as Uint8Array[];
}

const VARINT = 0;
const FIXED_64 = 1;
const BYTES = 2;

/** By number, in the order they came. */
function readFields(bytes: Uint8Array): Map<number, (Uint8Array | bigint)[]> {
  const reader = new BinaryReader(bytes);
  const fields = new Map<number, (Uint8Array | bigint)[]>();
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    let value: Uint8Array | bigint | undefined;
    if (Number(type) === VARINT) value = BigInt(reader.uint64());
    else if (Number(type) === FIXED_64) value = BigInt(reader.fixed64());
    else if (Number(type) === BYTES) value = reader.bytes();
    else reader.skip(type, field);
    if (value !== undefined) fields.set(field, [...(fields.get(field) ?? []), value]);
  }
  return fields;
}
