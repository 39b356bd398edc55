export { compileSupportCheck, supportedFields } from './check-supported.ts';
export type { Change, Checked, ConfigIndexOptions, EntryChange } from './config-index.ts';
export { diffResources, type FieldDifference } from './diff.ts';
export { hashItem, SetDigest } from './digest.ts';
export { type EffectiveField, effectiveRoute } from './effective-route.ts';
export { decodeResource, encodeResource } from './encode.ts';
export { enumText } from './enum-text.ts';
export { isKind, KINDS, type Kind, keyOf, kindOf, parseKey, type ResourceKey } from './kind.ts';
export { patternInWords } from './pattern-words.ts';
export { hasErrors, type Problem } from './problem.ts';
export { type Reference, referencesOf } from './references.ts';
export { checkEndpointAddress } from './rules/endpoints.ts';
export { checkIssuerSecret as checkSecrets } from './rules/issuer.ts';
export {
  findSecrets,
  mayHaveSecrets,
  redact,
  type Seal,
  type SecretField,
  sealSecrets,
  secretPlace,
} from './secrets.ts';
export type { StoredEntry } from './stored-entry.ts';
export { UNSUPPORTED, type UnsupportedTable } from './unsupported.ts';
