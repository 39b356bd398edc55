import type { Validation } from '@sluice/proto';
import type { ValidationPlan } from '../decide/validation.ts';
import { CannotBuild } from './cannot-build.ts';
import { compileSchema } from './compile-schema.ts';
import { sizeBytes } from './read-duration.ts';

export function buildValidation({ requestSchema, contentTypes, maxBytes }: Validation): ValidationPlan {
  return {
    contentTypes: contentTypes.length === 0 ? undefined : contentTypes.map((type) => type.toLowerCase()),
    schema: requestSchema === undefined ? undefined : buildSchema(requestSchema.source.value ?? ''),
    maxBytes: sizeBytes(maxBytes, 1_048_576),
  };
}

function buildSchema(text: string): NonNullable<ValidationPlan['schema']> {
  const compiled = compileSchema(text);
  if ('message' in compiled) throw new CannotBuild(`the schema of requests ${compiled.message}`);
  return compiled;
}
