import { type DescMessage, fromBinary, type MessageShape } from '@bufbuild/protobuf';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { type Any, AnySchema, anyUnpack } from '@bufbuild/protobuf/wkt';
import { Metadata, status } from '@grpc/grpc-js';

/** A gRPC status as protobuf names it, such as `invalid_argument`. */
export type RpcCode = Lowercase<keyof typeof status>;

/** A call that failed: what the server answered, or why there was no answer. */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly code: RpcCode;
  /** The message of the status alone; `message` begins with the code. */
  readonly rawMessage: string;
  /** The details that the server attached; read with `findDetails`. */
  readonly details: readonly Any[];
  /** How long the server asks to wait before a retry, in milliseconds. `undefined`: it did not say. */
  readonly retryAfterMs: number | undefined;

  constructor(code: RpcCode, rawMessage: string, details: readonly Any[] = [], retryAfterMs?: number) {
    super(`${code}: ${rawMessage}`);
    this.code = code;
    this.rawMessage = rawMessage;
    this.details = details;
    this.retryAfterMs = retryAfterMs;
  }

  /** The details of this type, decoded. */
  findDetails<D extends DescMessage>(schema: D): MessageShape<D>[] {
    return this.details.flatMap((detail) => anyUnpack(detail, schema) ?? []);
  }
}

/** Translates whatever a grpc-js call fails with, by callback, `error` event or iteration. Everything else is `unknown`. */
export function toRpcError(error: unknown): RpcError {
  if (error instanceof RpcError) return error;
  if (!isServiceError(error)) return new RpcError('unknown', error instanceof Error ? error.message : String(error));
  const metadata = error.metadata instanceof Metadata ? error.metadata : undefined;
  const [binary] = metadata?.get('grpc-status-details-bin') ?? [];
  return new RpcError(
    codeOf(error.code),
    decodeReserved(error.details),
    typeof binary === 'object' ? decodeStatusDetails(binary) : [],
    parsePushback(metadata?.get('grpc-retry-pushback-ms')[0]),
  );
}

function isServiceError(error: unknown): error is { code: number; details: string; metadata?: unknown } {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' && 'details' in error;
}

function codeOf(code: number): RpcCode {
  const name = status[code] ?? 'UNKNOWN';
  return name.toLowerCase() as RpcCode;
}

/** A status message is percent-encoded; grpc-js decodes it with decodeURI, which leaves the characters reserved in URIs as they are. */
function decodeReserved(message: string): string {
  return message.replace(/%(?:2[346BCF]|3[ABDF]|40)/gi, decodeURIComponent);
}

/** gRPC retry design: "grpc-retry-pushback-ms", a decimal number; anything else says not to retry, which is for callers to judge. */
function parsePushback(value: string | Buffer | undefined): number | undefined {
  const text = value?.toString() ?? '';
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** google.rpc.Status: code = 1, message = 2, details = 3. A status that does not decode has no details. */
function decodeStatusDetails(bytes: Uint8Array): Any[] {
  const details: Any[] = [];
  try {
    const reader = new BinaryReader(bytes);
    while (reader.pos < reader.len) {
      const [field, wireType] = reader.tag();
      if (field === 3) details.push(fromBinary(AnySchema, reader.bytes()));
      else reader.skip(wireType, field);
    }
  } catch {
    return [];
  }
  return details;
}
