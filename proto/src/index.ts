/**
 * The vocabulary: every message, enum and service of Sluice, the gRPC standard services it offers, and a client for them, which has an
 * entry of its own (`@sluice/proto/grpc-client`): workers and the control plane do not load it.
 */

export * as grpcHealth from './gen/grpc/health/v1/health_pb.ts';
export * as grpcReflectionV1 from './gen/grpc/reflection/v1/reflection_pb.ts';
export * as grpcReflectionV1Alpha from './gen/grpc/reflection/v1alpha/reflection_pb.ts';
export * from './gen/sluice/admin/v1/config_service_pb.ts';
export * from './gen/sluice/admin/v1/fleet_service_pb.ts';
export * from './gen/sluice/admin/v1/key_service_pb.ts';
export * from './gen/sluice/admin/v1/problem_pb.ts';
export * from './gen/sluice/admin/v1/registry_service_pb.ts';
export * from './gen/sluice/admin/v1/token_service_pb.ts';
export * from './gen/sluice/config/v1/api_key_pb.ts';
export * from './gen/sluice/config/v1/certificate_pb.ts';
export * from './gen/sluice/config/v1/consumer_pb.ts';
export * from './gen/sluice/config/v1/instance_pb.ts';
export * from './gen/sluice/config/v1/issuer_pb.ts';
export * from './gen/sluice/config/v1/listener_pb.ts';
export * from './gen/sluice/config/v1/match_pb.ts';
export * from './gen/sluice/config/v1/node_group_pb.ts';
export * from './gen/sluice/config/v1/notation_pb.ts';
export * from './gen/sluice/config/v1/policy_pb.ts';
export * from './gen/sluice/config/v1/rate_limit_pb.ts';
export * from './gen/sluice/config/v1/resource_pb.ts';
export * from './gen/sluice/config/v1/retry_pb.ts';
export * from './gen/sluice/config/v1/route_pb.ts';
export * from './gen/sluice/config/v1/service_pb.ts';
export * from './gen/sluice/config/v1/token_pb.ts';
export * from './gen/sluice/sync/v1/cache_pb.ts';
export * from './gen/sluice/sync/v1/sync_service_pb.ts';
export type {
  GrpcCallOptions,
  GrpcChannel,
  GrpcClient,
  GrpcClientOptions,
  GrpcMethod,
  ServerAddress,
} from './grpc-client.ts';
export type { RpcCode } from './rpc-error.ts';
