import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createGrpcClient, parseServerAddress } from './grpc-client.ts';
import { grpcHealth, ProblemSchema, ProblemsSchema } from './index.ts';
import { RpcError, toRpcError } from './rpc-error.ts';

const { Health, HealthCheckRequestSchema, HealthCheckResponse_ServingStatus, HealthCheckResponseSchema } = grpcHealth;
type UnaryCall = ServerUnaryCall<grpcHealth.HealthCheckRequest, grpcHealth.HealthCheckResponse>;
type StreamCall = ServerWritableStream<grpcHealth.HealthCheckRequest, grpcHealth.HealthCheckResponse>;

const serving = HealthCheckResponse_ServingStatus.SERVING;
const problems = create(ProblemsSchema, {
  problems: [create(ProblemSchema, { kind: 'Route', message: 'no such service' })],
});

const definition: ServiceDefinition = Object.fromEntries(
  Health.methods.map((method) => [
    method.localName,
    {
      path: `/${Health.typeName}/${method.name}`,
      requestStream: false,
      responseStream: method.methodKind === 'server_streaming',
      requestSerialize: (message) => Buffer.from(toBinary(HealthCheckRequestSchema, message)),
      requestDeserialize: (bytes) => fromBinary(HealthCheckRequestSchema, bytes),
      responseSerialize: (message) => Buffer.from(toBinary(HealthCheckResponseSchema, message)),
      responseDeserialize: (bytes) => fromBinary(HealthCheckResponseSchema, bytes),
    },
  ]),
);

const server = new Server();
let address: string;

beforeAll(async () => {
  server.addService(definition, {
    check: (call: UnaryCall, answer: sendUnaryData<grpcHealth.HealthCheckResponse>) => {
      if (call.request.service === 'silent') return;
      if (call.metadata.get('authorization')[0] === 'Bearer good') {
        answer(null, create(HealthCheckResponseSchema, { status: serving }));
        return;
      }
      const trailers = new Metadata();
      const detail = create(AnySchema, {
        typeUrl: `type.googleapis.com/${ProblemsSchema.typeName}`,
        value: toBinary(ProblemsSchema, problems),
      });
      const any = toBinary(AnySchema, detail);
      trailers.set('grpc-status-details-bin', Buffer.from([0x08, 3, 0x1a, any.length, ...any]));
      trailers.set('grpc-retry-pushback-ms', '250');
      answer({ code: status.INVALID_ARGUMENT, details: 'one problem%2C here%3A', metadata: trailers });
    },
    watch: (call: StreamCall) => {
      call.write(create(HealthCheckResponseSchema, { status: serving }));
      if (call.request.service !== 'endless') call.end();
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  address = `http://127.0.0.1:${port}`;
});

afterAll(() => server.forceShutdown());

describe('a gRPC client', () => {
  it('calls unary methods with its token', async () => {
    const client = createGrpcClient(Health, address, { token: 'good' });
    expect((await client.check({ service: '' })).status).toBe(serving);
    client.close();
  });

  it('rejects with the code, the details and the wait that the server sent', async () => {
    const client = createGrpcClient(Health, address);
    const error = await client.check({}).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RpcError);
    if (!(error instanceof RpcError)) return;
    expect([error.code, error.rawMessage, error.retryAfterMs]).toEqual(['invalid_argument', 'one problem, here:', 250]);
    expect(error.findDetails(ProblemsSchema)).toEqual([problems]);
    expect(error.findDetails(HealthCheckRequestSchema)).toEqual([]);
    client.close();
  });

  it('reads server streams to their end', async () => {
    const client = createGrpcClient(Health, address);
    const statuses: number[] = [];
    for await (const message of client.watch({})) statuses.push(message.status);
    expect(statuses).toEqual([serving]);
    client.close();
  });

  it('cancels by signal and gives up at the deadline', async () => {
    const client = createGrpcClient(Health, address);
    const abort = new AbortController();
    const stream = client.watch({ service: 'endless' }, { signal: abort.signal });
    const ended = (async () => {
      for await (const message of stream) {
        expect(message.status).toBe(serving);
        abort.abort();
      }
    })();
    expect(toRpcError(await ended.catch((reason: unknown) => reason)).code).toBe('cancelled');
    await expect(client.check({ service: 'silent' }, { timeoutMs: 30 })).rejects.toMatchObject({
      code: 'deadline_exceeded',
    });
    client.close();
  });

  it('says when nothing answers', async () => {
    const client = createGrpcClient(Health, '127.0.0.1:1');
    await expect(client.check({}, { timeoutMs: 5000 })).rejects.toMatchObject({ code: 'unavailable' });
    await expect(client.waitForReady(50)).rejects.toMatchObject({ code: 'deadline_exceeded' });
    client.close();
  });
});

it.each([
  ['127.0.0.1:7070', { target: '127.0.0.1:7070', secure: false }],
  ['http://control.example:7070', { target: 'control.example:7070', secure: false }],
  ['https://control.example', { target: 'control.example:443', secure: true }],
  ['http://[::1]:7070/', { target: '[::1]:7070', secure: false }],
  ['ftp://x', undefined],
  ['http://', undefined],
  ['http://x:99999', undefined],
  ['http://user:pw@x', undefined],
  ['http://x/path', undefined],
  ['', undefined],
])('the address %j is read as %j', (address, expected) => {
  expect(parseServerAddress(address)).toEqual(expected);
});
