import type { Resource } from '@sluice/proto';
import { stringify } from 'yaml';
import { toManifestValue } from './to-manifest-value.ts';

/**
 * A resource as a YAML document, without `---`, ending in a line break. The same resource always gives the same text, which parses
 * back to an equal resource.
 */
export function printManifest(resource: Resource): string {
  return stringify(toManifestValue(resource), { schema: 'core', lineWidth: 0, aliasDuplicateObjects: false });
}

/** Several resources as one YAML text. */
export function printManifests(resources: readonly Resource[]): string {
  return resources.map(printManifest).join('---\n');
}
