/** The client, and what its calls fail with. */
export {
  createGrpcClient,
  type GrpcCallOptions,
  type GrpcChannel,
  type GrpcClient,
  type GrpcClientOptions,
  type GrpcMethod,
  parseServerAddress,
  type ServerAddress,
} from './grpc-client.ts';
export { type RpcCode, RpcError, toRpcError } from './rpc-error.ts';
