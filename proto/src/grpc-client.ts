import {
  create,
  type DescMessage,
  type DescMethodBiDiStreaming,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type DescService,
  fromBinary,
  type Message,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import {
  type CallOptions,
  type ChannelOptions,
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  Metadata,
  type MethodDefinition,
  makeGenericClientConstructor,
  type requestCallback,
} from '@grpc/grpc-js';
import { RpcError, toRpcError } from './rpc-error.ts';

/** Largest message a client takes unless its options say otherwise: 64 MiB, the control plane's own bound. */
const defaultMaxMessageBytes = 64 * 1024 * 1024;

/** A gRPC client of one service. Methods of the service have their names in lowerCamel. */
export type GrpcClient<S extends DescService> = {
  [M in keyof S['method']]: GrpcMethod<S['method'][M]>;
} & GrpcChannel;

/**
 * Unary: a promise, rejected with RpcError. Server streaming: a stream of answers, also an async iterable. Bidi: a duplex
 * stream in object mode. Streams fail with grpc-js' own error, for `toRpcError`; `cancel()` ends them.
 */
export type GrpcMethod<M> =
  M extends DescMethodUnary<infer I, infer O>
    ? (request: MessageInitShape<I>, options?: GrpcCallOptions) => Promise<MessageShape<O>>
    : M extends DescMethodServerStreaming<infer I, infer O>
      ? (request: MessageInitShape<I>, options?: GrpcCallOptions) => ClientReadableStream<MessageShape<O>>
      : M extends DescMethodBiDiStreaming<infer I, infer O>
        ? (options?: GrpcCallOptions) => ClientDuplexStream<MessageInitShape<I>, MessageShape<O>>
        : never;

/** The connection behind a client. */
export interface GrpcChannel {
  /** Resolves when the server is connected; rejects with RpcError `deadline_exceeded` after `timeoutMs`. */
  waitForReady(timeoutMs: number): Promise<void>;
  /** Ends the connection when the calls on it are over. */
  close(): void;
}

export interface GrpcClientOptions {
  /** Sent with each call as `authorization: Bearer`. Unset: none. */
  token?: string;
  /** Largest message taken from the server. Default 64 MiB. */
  maxMessageBytes?: number;
  /** Unary calls that say no other fail with `deadline_exceeded` after this. Unset: never. */
  timeoutMs?: number;
  /** Decodes what a method answers, by its name in lowerCamel. Unset: protobuf-es does. */
  decoders?: Readonly<Record<string, (bytes: Uint8Array) => Message>>;
  /** More options of grpc-js' channel, such as `grpc.keepalive_time_ms`. */
  channelOptions?: ChannelOptions;
}

export interface GrpcCallOptions {
  /** The call fails with `deadline_exceeded` after this. Unset: what the client's options say. */
  timeoutMs?: number;
  /** Cancels the call. */
  signal?: AbortSignal;
}

/** Where a server is, as grpc-js wants it. */
export interface ServerAddress {
  target: string;
  secure: boolean;
}

/**
 * A client of `service` at `address`: `http://HOST:PORT` or HOST:PORT without TLS, `https://HOST:PORT` with. It connects at
 * the first call and again by itself. Throws TypeError where `parseServerAddress` finds no address.
 */
export function createGrpcClient<S extends DescService>(
  service: S,
  address: string,
  options: GrpcClientOptions = {},
): GrpcClient<S> {
  const server = parseServerAddress(address);
  if (server === undefined) throw new TypeError(`not a server address: ${address}`);
  const client = new (makeGenericClientConstructor({}, service.typeName))(
    server.target,
    server.secure ? credentials.createSsl() : credentials.createInsecure(),
    {
      'grpc.max_receive_message_length': options.maxMessageBytes ?? defaultMaxMessageBytes,
      'grpc.max_send_message_length': -1,
      'grpc.enable_http_proxy': isLoopback(server.target) ? 0 : 1,
      ...options.channelOptions,
    },
  );
  const metadata = new Metadata();
  if (options.token !== undefined) metadata.set('authorization', `Bearer ${options.token}`);

  const methods: Record<string, unknown> = {};
  for (const method of service.methods) {
    const { path, requestSerialize, responseDeserialize } = methodDefinition(
      method,
      options.decoders?.[method.localName],
    );
    switch (method.methodKind) {
      case 'unary':
        methods[method.localName] = (request: Message, call: GrpcCallOptions = {}) =>
          new Promise<Message>((resolve, reject) => {
            const settle: requestCallback<Message> = (error, response) =>
              error ? reject(toRpcError(error)) : resolve(response!);
            cancelOn(
              call.signal,
              client.makeUnaryRequest(
                path,
                requestSerialize,
                responseDeserialize,
                request,
                metadata,
                callOptions({ timeoutMs: options.timeoutMs, ...call }),
                settle,
              ),
            );
          });
        break;
      case 'server_streaming':
        methods[method.localName] = (request: Message, call: GrpcCallOptions = {}) =>
          cancelOn(
            call.signal,
            client.makeServerStreamRequest(
              path,
              requestSerialize,
              responseDeserialize,
              request,
              metadata,
              callOptions(call),
            ),
          );
        break;
      case 'bidi_streaming':
        methods[method.localName] = (call: GrpcCallOptions = {}) =>
          cancelOn(
            call.signal,
            client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata, callOptions(call)),
          );
        break;
      case 'client_streaming':
        throw new TypeError(`${service.typeName}.${method.name}: client streaming is not supported`);
    }
  }
  const channel: GrpcChannel = {
    waitForReady: (timeoutMs) =>
      new Promise((resolve, reject) => {
        client.waitForReady(Date.now() + timeoutMs, (error) =>
          error ? reject(new RpcError('deadline_exceeded', `no connection to ${address}`)) : resolve(),
        );
      }),
    close: () => client.close(),
  };
  return Object.assign(channel, methods) as GrpcClient<S>;
}

/**
 * Parses `http://HOST:PORT`, `https://HOST:PORT` or `HOST:PORT`, a default port of 80 or 443 included. `undefined`: it is none of these.
 */
export function parseServerAddress(address: string): ServerAddress | undefined {
  const url = URL.parse(address.includes('://') ? address : `http://${address}`);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.hostname === '') return undefined;
  if (url.username !== '' || url.password !== '' || url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    return undefined;
  }
  const secure = url.protocol === 'https:';
  return { target: `${url.hostname}:${url.port || (secure ? '443' : '80')}`, secure };
}

type WireMethod = MethodDefinition<Message, Message>;

function methodDefinition(
  method: DescService['methods'][number],
  decode: ((bytes: Uint8Array) => Message) | undefined,
): {
  path: string;
  requestSerialize: WireMethod['requestSerialize'];
  responseDeserialize: WireMethod['responseDeserialize'];
} {
  const { input, output }: { input: DescMessage; output: DescMessage } = method;
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    requestSerialize: (message) => Buffer.from(toBinary(input, create(input, message))),
    responseDeserialize: decode ?? ((bytes) => fromBinary(output, bytes)),
  };
}

function callOptions({ timeoutMs }: { timeoutMs?: number | undefined }): CallOptions {
  return timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
}

function cancelOn<C extends { cancel(): void; once(event: 'status', listener: () => void): unknown }>(
  signal: AbortSignal | undefined,
  call: C,
): C {
  if (signal === undefined) return call;
  const cancel = () => call.cancel();
  if (signal.aborted) cancel();
  else {
    signal.addEventListener('abort', cancel, { once: true });
    call.once('status', () => signal.removeEventListener('abort', cancel));
  }
  return call;
}

/** A proxy from the environment cannot reach this machine's own loopback. */
function isLoopback(target: string): boolean {
  return /^(127\.\d+\.\d+\.\d+|\[::1\]|localhost):/.test(target);
}
