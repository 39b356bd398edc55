export {
  type ActiveChange,
  type ActiveItem,
  ActiveSet,
  type HeldItem,
  type PlannedChange,
  type TrackChange,
} from './active-set.ts';
export { compileNetworks } from './address-rules.ts';
export type { BuiltApiKey } from './build-api-key.ts';
export { DEFAULT_REGISTRY_TTL_MS, type DiscoverySource, type DnsSource } from './build-discovery.ts';
export { type BuiltFoundEndpoints, buildFoundEndpoints, FOUND_ENDPOINTS_KIND } from './build-found-endpoints.ts';
export { type BuiltInstance, INSTANCE_KIND, instanceName } from './build-instance.ts';
export type { KeySetSource } from './build-issuer.ts';
export { KEY_SET_KIND } from './build-key-set.ts';
export { defaultListener } from './build-listener.ts';
export type { BuiltService } from './build-service.ts';
export {
  keySetMember,
  REVOKED_TOKEN_KIND,
  SECRET_CLAIM,
  SIGNING_KEY_KIND,
  signingKeys,
  tokenKey,
  tokensOfSecret,
} from './build-token-facts.ts';
export { BUILT_IN_ISSUER, builtInIssuer, type SigningPlan, signingPlan } from './built-in-issuer.ts';
export {
  type BuildContext,
  type BuiltItem,
  buildApiKeyItem,
  type ItemKey,
  type ItemSecret,
  itemKey,
  type SlotSource,
  type TrackItem,
} from './built-item.ts';
export type * from './caller-plan.ts';
export { CannotBuild } from './cannot-build.ts';
export { FoundServices } from './found-services.ts';
export type * from './limit-plan.ts';
export type * from './plan.ts';
export { durationMs, sizeBytes } from './read-duration.ts';
export { rewritePath, withOneSlash } from './rewrite-path.ts';
export { newScannedKey, scanApiKey } from './scan-api-key.ts';
export type * from './service-plan.ts';
export type { StagedTables } from './stage-change.ts';
export { Tables, type TablesOptions } from './tables.ts';
