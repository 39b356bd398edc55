/** Manifests as text, for programs that read or write them: nodes do not, and so load no YAML. */
export { fromManifestValue } from './from-manifest-value.ts';
export { parseManifests } from './parse-manifests.ts';
export { printManifest, printManifests } from './print-manifest.ts';
