import { expect, test } from 'vitest';
import { contentTypeRefusal, missingBodyRefusal, type ValidationPlan } from './validation.ts';

const schema: ValidationPlan = { contentTypes: undefined, schema: () => undefined, maxBytes: 10 };
const types: ValidationPlan = { contentTypes: ['text/*', 'application/xml'], schema: undefined, maxBytes: 10 };
const both: ValidationPlan = { ...schema, contentTypes: ['application/json'] };
const none: ValidationPlan = { ...types, contentTypes: undefined };

test.each<[string, ValidationPlan, string | undefined, string | undefined]>([
  ['nothing', none, undefined, undefined],
  ['a schema', schema, undefined, 'A Content-Type is required.'],
  ['a schema', schema, 'application/json', undefined],
  ['a schema', schema, 'application/problem+json; charset=UTF-8', undefined],
  ['a schema', schema, 'application/json; charset=iso-8859-1', 'The body must be in UTF-8.'],
  ['a schema', schema, 'application/json; charset=us-ascii', undefined],
  ['a schema', schema, 'text/plain', 'The content type text/plain is not accepted here.'],
  ['a schema', schema, 'json', 'The Content-Type is malformed.'],
  ['a schema', schema, 'application/json, text/plain', 'The Content-Type is malformed.'],
  ['types', types, undefined, 'A Content-Type is required.'],
  ['types', types, 'text/csv; charset=iso-8859-1', undefined],
  ['types', types, 'APPLICATION/XML', undefined],
  ['types', types, 'application/xml2', 'The content type application/xml2 is not accepted here.'],
  ['types', types, 'texts/csv', 'The content type texts/csv is not accepted here.'],
  ['both', both, 'application/json', undefined],
  ['both', both, 'application/vnd.a+json', 'The content type application/vnd.a+json is not accepted here.'],
])('where %s is asked for (%#), the content type %s says: %s', (_, plan, contentType, refusal) => {
  expect(contentTypeRefusal(plan, contentType)).toBe(refusal);
});

test('a schema wants a body where the method has one to mean something by', () => {
  for (const method of ['POST', 'PUT', 'PATCH']) expect(missingBodyRefusal(schema, method)).toBe('A body is required.');
  for (const method of ['GET', 'DELETE', 'QUERY']) expect(missingBodyRefusal(schema, method)).toBeUndefined();
  expect(missingBodyRefusal(types, 'POST')).toBeUndefined();
});
