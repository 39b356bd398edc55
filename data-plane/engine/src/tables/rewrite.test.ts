import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { RewriteSchema } from '@sluice/proto';
import { expect, test } from 'vitest';
import { parsePath } from '../router/parse-path.ts';
import type { PathPattern } from '../router/route-match.ts';
import type { RewritePlan } from './plan.ts';
import { buildRewrite, rewriteFor } from './rewrite.ts';

type RewriteInit = MessageInitShape<typeof RewriteSchema>;

const strip = (value: string): RewriteInit => ({ pathRewrite: { case: 'stripPrefix', value } });
const replace = (value: string): RewriteInit => ({ pathRewrite: { case: 'replacePrefix', value } });
const path = (value: string): RewriteInit => ({ pathRewrite: { case: 'path', value } });
const prefixPlan = (length: number, replacement: string): RewritePlan => ({
  kind: 'prefix',
  length,
  replacement,
  host: undefined,
});
const fixedPlan = (text: string): RewritePlan => ({ kind: 'template', literals: [text], params: [], host: undefined });

test.each<[string, RewriteInit | undefined, PathPattern | undefined, RewritePlan]>([
  ['nothing keeps the path', undefined, undefined, { kind: 'keep', host: undefined }],
  ['a host alone keeps the path', { host: 'a.example' }, undefined, { kind: 'keep', host: 'a.example' }],
  ['a prefix is cut off', strip('/api'), { kind: 'prefix', value: '/api/v1' }, prefixPlan(4, '')],
  ['the slash at the end of a prefix stays', strip('/api/'), { kind: 'prefix', value: '/api' }, prefixPlan(4, '')],
  ['nothing is cut off for /', strip('/'), { kind: 'prefix', value: '/' }, prefixPlan(0, '')],
  ['the prefix that matched is replaced', replace('/v2'), { kind: 'prefix', value: '/v1' }, prefixPlan(3, '/v2')],
  ['by nothing, for /', replace('/'), { kind: 'prefix', value: '/v1' }, prefixPlan(3, '')],
  ['without a path, the replacement goes before', replace('/v2'), undefined, prefixPlan(0, '/v2')],
  ['an exact path is replaced whole', replace('/v2/'), { kind: 'exact', value: '/v1' }, fixedPlan('/v2')],
  ['and never by nothing', replace('/'), { kind: 'exact', value: '/v1' }, fixedPlan('/')],
  ['a path is put in its place', path('/new'), { kind: 'prefix', value: '/' }, fixedPlan('/new')],
  [
    'with parameters of the one that matched',
    { ...path('/u/{id}/x{a}'), host: 'b.example' },
    { kind: 'template', value: '/users/{id}/{a}' },
    { kind: 'template', literals: ['/u/', '/x', ''], params: ['id', 'a'], host: 'b.example' },
  ],
])('%s', (_, rewrite, pattern, expected) => {
  const parsed = pattern && parsePath(pattern);
  if (typeof parsed === 'string') throw new Error(parsed);
  expect(rewriteFor(buildRewrite(rewrite && create(RewriteSchema, rewrite)), parsed)).toEqual(expected);
});
