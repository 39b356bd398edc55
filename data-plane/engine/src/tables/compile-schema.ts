import type { AnySchemaObject, ErrorObject, ValidateFunction } from 'ajv/dist/2020.js';
import { parseStrictJson } from '../json/strict-json.ts';
import { metaSchemaProblem, schemaCompiler } from './schema-compiler.ts';
import { compileErrorInWords } from './schema-words.ts';

/** Says what is wrong with a value; undefined: nothing. Never throws for a value whose depth is bounded. */
export type SchemaCheck = (value: unknown) => string | undefined;

/** Why a schema cannot be compiled, in words for the person who wrote it. */
export interface SchemaProblem {
  readonly message: string;
}

/** Checks by the schema's text: many routes and revisions share one. Beyond this the oldest is let go. */
const MAX_KEPT = 256;
const kept = new Map<string, SchemaCheck | SchemaProblem>();
const MAX_SCHEMA_DEPTH = 128;
const MAX_REASON_CHARS = 200;

/**
 * Compiles a JSON Schema (draft 2020-12). What would be passed over in silence is refused instead: an unknown keyword or format, a
 * reference that leads out of the schema, a pattern that cannot be evaluated in linear time. `format` is asserted. Takes milliseconds, the
 * first time tens of them: for activation, never for a request.
 */
export function compileSchema(text: string): SchemaCheck | SchemaProblem {
  let compiled = kept.get(text);
  if (compiled === undefined) {
    compiled = compile(text);
    if (kept.size >= MAX_KEPT) kept.delete(kept.keys().next().value as string);
    kept.set(text, compiled);
  }
  return compiled;
}

/** What is wrong with a schema, held against the schema of schemas too, which nodes need not ask again. */
export function schemaProblem(text: string): string | undefined {
  const parsed = parseSchema(text);
  const problem = 'schema' in parsed ? metaProblem(parsed.schema) : undefined;
  if (problem !== undefined) return problem;
  const compiled = compile(text);
  return 'message' in compiled ? compiled.message : undefined;
}

function metaProblem(schema: AnySchemaObject): string | undefined {
  try {
    return metaSchemaProblem(schema);
  } catch (error) {
    return compileErrorInWords(messageOf(error));
  }
}

function compile(text: string): SchemaCheck | SchemaProblem {
  const parsed = parseSchema(text);
  if (!('schema' in parsed)) return 'always' in parsed ? parsed.always : parsed;
  try {
    const validate = schemaCompiler().compile(parsed.schema);
    return (value) => decide(validate, value);
  } catch (error) {
    return { message: compileErrorInWords(messageOf(error)) };
  }
}

function parseSchema(
  text: string,
): SchemaProblem | { readonly always: SchemaCheck } | { readonly schema: AnySchemaObject } {
  const bytes = Buffer.from(text);
  const parsed = parseStrictJson(bytes, bytes.length, MAX_SCHEMA_DEPTH);
  if (!parsed.ok) return { message: parsed.reason };
  const { value } = parsed;
  if (typeof value === 'boolean') return { always: value ? () => undefined : () => 'nothing is allowed' };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { message: 'is not a JSON Schema' };
  if ('$async' in value) return { message: 'has $async, which cannot be decided at once' };
  return { schema: value as AnySchemaObject };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function decide(validate: ValidateFunction, value: unknown): string | undefined {
  try {
    return validate(value) ? undefined : reasonOf(validate);
  } catch {
    // A schema that leads to itself without going deeper into the value has no end.
    return 'cannot be decided by the schema';
  }
}

function reasonOf({ errors }: ValidateFunction): string {
  const [error] = (errors ?? []) as ErrorObject[];
  if (error === undefined) return 'does not match the schema';
  const where = error.instancePath === '' ? 'it' : error.instancePath;
  const named = error.params.additionalProperty ?? error.params.unevaluatedProperty;
  const which = typeof named === 'string' ? `: ${named}` : '';
  return `${where} ${error.message ?? error.keyword}${which}`.slice(0, MAX_REASON_CHARS);
}
