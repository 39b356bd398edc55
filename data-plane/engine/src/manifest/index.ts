export { formatByteSize, parseByteSize } from './byte-size.ts';
export { formatDuration, parseDuration } from './duration.ts';
export { withoutFollowUps } from './follow-ups.ts';
export type {
  ManifestDocument,
  ManifestProblem,
  ParsedManifests,
  ParseOptions,
  PartialManifest,
} from './parse-manifests.ts';
export type { Position } from './parse-yaml.ts';
export type { SourceKind } from './read-source.ts';
export type { ReadSource } from './reader.ts';
export { type ManifestValue, toManifestValue } from './to-manifest-value.ts';
