import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { RewriteSchema } from '@sluice/proto';
import { expect, test } from 'vitest';
import { parsePath } from '../router/parse-path.ts';
import type { PathPattern } from '../router/route-match.ts';
import type { PathRewritePlan } from './plan.ts';
import { buildPathRewrite, pathRewriteFor } from './rewrite.ts';

type RewriteInit = MessageInitShape<typeof RewriteSchema>;

const strip = (value: string): RewriteInit => ({ pathRewrite: { case: 'stripPrefix', value } });
const replace = (value: string): RewriteInit => ({ pathRewrite: { case: 'replacePrefix', value } });
const path = (value: string): RewriteInit => ({ pathRewrite: { case: 'path', value } });
const prefixPlan = (length: number, replacement: string): PathRewritePlan => ({ kind: 'prefix', length, replacement });
const fixedPlan = (text: string): PathRewritePlan => ({ kind: 'template', literals: [text], params: [] });

test.each<[string, RewriteInit | undefined, PathPattern | undefined, PathRewritePlan]>([
  ['nothing keeps the path', undefined, undefined, { kind: 'keep' }],
  ['a host alone keeps the path', { host: 'a.example' }, undefined, { kind: 'keep' }],
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
    path('/u/{id}/x{a}'),
    { kind: 'template', value: '/users/{id}/{a}' },
    { kind: 'template', literals: ['/u/', '/x', ''], params: ['id', 'a'] },
  ],
])('%s', (_, rewrite, pattern, expected) => {
  const parsed = pattern && parsePath(pattern);
  if (typeof parsed === 'string') throw new Error(parsed);
  expect(pathRewriteFor(buildPathRewrite(rewrite && create(RewriteSchema, rewrite)), parsed)).toEqual(expected);
});
