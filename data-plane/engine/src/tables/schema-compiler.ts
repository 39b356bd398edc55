import { createRequire } from 'node:module';
import type * as AjvModule from 'ajv/dist/2020.js';
import type { Ajv2020, AnySchemaObject, Format } from 'ajv/dist/2020.js';
import type * as FormatsModule from 'ajv-formats/dist/formats.js';
import { compileRegex } from '../router/linear-regex.ts';
import { metaErrorInWords } from './schema-words.ts';

/** Expressions of formats are not all linear: what is longer than this is of none. */
const MAX_FORMATTED_CHARS = 2048;

const load = createRequire(import.meta.url);

/**
 * Ajv for draft 2020-12, as strict as it can be. Made for one schema: what one names is nothing to another, and nothing of it stays behind.
 * Loaded when it is first asked for: programs without any schema start without it.
 */
export function schemaCompiler(): Ajv2020 {
  const { Ajv2020: Ajv } = load('ajv/dist/2020.js') as typeof AjvModule;
  const made = new Ajv({
    // Takes most of the time of a compile, and is done where schemas are applied.
    validateSchema: false,
    strictSchema: true,
    strictTypes: false,
    strictTuples: false,
    strictRequired: false,
    // Inherited members are none: `required: [constructor]` is not met by every object.
    ownProperties: true,
    logger: false,
    code: { regExp: linearRegExp },
    formats: boundedFormats(),
  });
  // Ajv compares each item with each other one: a body of 100,000 objects would take minutes.
  made.removeKeyword('uniqueItems');
  made.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    validate: (wanted: boolean, items: readonly unknown[]) => !wanted || areUnique(items),
    error: { message: 'must not have two equal items' },
  });
  return made;
}

let meta: Ajv2020 | undefined;

/** What the schema of schemas says against a schema; undefined: nothing. */
export function metaSchemaProblem(schema: AnySchemaObject): string | undefined {
  meta ??= new (load('ajv/dist/2020.js') as typeof AjvModule).Ajv2020({ logger: false });
  return meta.validateSchema(schema) === true ? undefined : metaErrorInWords(meta.errors ?? []);
}

/** Stands in for RegExp in all that Ajv compiles: patterns match anywhere in a value, in time linear in its length. */
function linearRegExp(pattern: string): RegExp {
  const [, ignoreCase = '', rest = ''] = /^(\(\?i\))?([\s\S]*)$/.exec(pattern) ?? [];
  const alone = compileRegex(pattern);
  const compiled = 'message' in alone ? alone : compileRegex(`${ignoreCase}[\\d\\D]*(?:${rest})[\\d\\D]*`);
  if ('message' in compiled) throw new Error(`the pattern ${JSON.stringify(pattern)} ${compiled.message}`);
  // All that Ajv asks for: it tells patterns apart by their text.
  return { test: compiled.test, toString: () => `/${pattern}/` } as RegExp;
}
linearRegExp.code = 'linearRegExp';

/** The formats of draft 2020-12, and those of OpenAPI. */
function boundedFormats(): Record<string, Format> {
  const { fullFormats } = load('ajv-formats/dist/formats.js') as typeof FormatsModule;
  const bounded = Object.entries(fullFormats).map(([name, format]) => [name, boundedFormat(format)] as const);
  return Object.fromEntries(bounded);
}

function boundedFormat(format: Format): Format {
  if (typeof format !== 'object' || format instanceof RegExp) return boundedCheck(format);
  return format.type === 'number' || format.async === true ? format : boundedCheck(format.validate as TextFormat);
}

type TextFormat = Exclude<Format, object> | RegExp | ((value: string) => boolean);

function boundedCheck(format: TextFormat): (value: string) => boolean {
  const matches: (value: string) => unknown =
    format instanceof RegExp
      ? (value) => format.test(value)
      : typeof format === 'function'
        ? format
        : () => format === true;
  return (value) => value.length <= MAX_FORMATTED_CHARS && matches(value) === true;
}

function areUnique(items: readonly unknown[]): boolean {
  const seen = new Set<unknown>();
  for (const item of items) {
    const key = typeof item === 'object' && item !== null ? `{${canonical(item)}` : keyOf(item);
    if (seen.has(key)) return false;
    seen.add(key);
  }
  return true;
}

/** Strings must not be taken for what `canonical` makes. */
function keyOf(item: unknown): unknown {
  return typeof item === 'string' ? `"${item}` : item;
}

/** One text for all values that are equal: members in the order of their names. */
function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value === 0 ? 0 : value);
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join()}}`;
}
