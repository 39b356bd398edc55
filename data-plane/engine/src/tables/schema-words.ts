import type { ErrorObject } from 'ajv/dist/2020.js';

/** What the schema of schemas says against a schema, for the person who wrote it: where, and what may stand there. */
export function metaErrorInWords(errors: readonly ErrorObject[]): string {
  const [first] = errors;
  if (first === undefined) return 'is no JSON Schema of draft 2020-12';
  // Of a value that fits none of several forms the deepest place says most.
  const error = errors.reduce((best, each) => (depthOf(each) > depthOf(best) ? each : best), first);
  return `${placeOf(error)}: ${reasonOf(error)}`;
}

/** Why Ajv does not compile a schema, in the same words. */
export function compileErrorInWords(message: string): string {
  for (const [pattern, words] of COMPILE_ERRORS) {
    const found = pattern.exec(message);
    if (found !== null) return words(found[1] ?? '');
  }
  return `does not compile: ${message.replace(/^strict mode: /, '')}`;
}

const COMPILE_ERRORS: readonly (readonly [pattern: RegExp, words: (named: string) => string])[] = [
  [/unknown keyword: (".*")$/s, (keyword) => `has the keyword ${keyword}, which draft 2020-12 does not know`],
  [/^unknown format (".*") ignored/s, (format) => `has the format ${format}, which is not known`],
  [/^no schema with key or ref (".*")$/s, (dialect) => `is of ${dialect}; only draft 2020-12 is known`],
  [
    /^can't resolve reference (#.*) from id/s,
    (reference) => `has the reference ${JSON.stringify(reference)}, and nothing is there`,
  ],
  [
    /^can't resolve reference (.*) from id/s,
    (reference) => `has the reference ${JSON.stringify(reference)}, which leads out of the schema`,
  ],
];

function depthOf({ instancePath }: ErrorObject): number {
  return instancePath.split('/').length;
}

/** As references write it, such as `#/properties/a/type`. */
function placeOf({ instancePath }: ErrorObject): string {
  return `#${instancePath}`;
}

function reasonOf({ keyword, message, params }: ErrorObject): string {
  switch (keyword) {
    case 'enum':
      return `must be one of ${(params.allowedValues as readonly unknown[]).join(', ')}`;
    case 'type':
      return `must be ${[params.type].flat().join(' or ')}`;
    default:
      return message ?? keyword;
  }
}
