export { formatByteSize, parseByteSize } from './byte-size.ts';
export { formatDuration, parseDuration } from './duration.ts';
export { withoutFollowUps } from './follow-ups.ts';
export { fromManifestValue } from './from-manifest-value.ts';
export {
  type ManifestDocument,
  type ManifestProblem,
  type ParsedManifests,
  type ParseOptions,
  type PartialManifest,
  parseManifests,
} from './parse-manifests.ts';
export type { Position } from './parse-yaml.ts';
export { printManifest, printManifests } from './print-manifest.ts';
export type { SourceKind } from './read-source.ts';
export type { ReadSource } from './reader.ts';
export { type ManifestValue, toManifestValue } from './to-manifest-value.ts';
