import type { Cache } from '@sluice/proto';
import type { Report } from '../problem.ts';
import { isHeaderName } from './reserved-headers.ts';
import type { Rule } from './rule.ts';

const MAX_CACHED_BODY_BYTES = 4 * 1024 * 1024;
const TAG = /^[!-~]{1,128}$/;

/** Names are names, what is kept fits into a node's memory, and something can be kept. */
export const checkCache: Rule = ({ spec }, report) => {
  if (spec.case !== 'policy' && spec.case !== 'route') return;
  const { cache } = spec.value;
  if (cache === undefined) return;
  checkBounds(cache, report);
  cache.vary.forEach((name, i) => {
    const field = `spec.cache.vary[${i}]`;
    if (name === '*')
      report({ field, message: '"*" would keep nothing', remedy: 'name the headers, or leave cache out' });
    else if (!isHeaderName(name)) report({ field, message: 'must be a header name' });
  });
  cache.tags.forEach((tag, i) => {
    if (!TAG.test(tag)) report({ field: `spec.cache.tags[${i}]`, message: 'must be 1 to 128 visible characters' });
  });
  if (spec.case === 'route' && (spec.value.redirect !== undefined || spec.value.respond !== undefined)) {
    report({ field: 'spec.cache', message: 'has nothing to keep: the route answers by itself' });
  }
};

function checkBounds({ maxBodyBytes, respectOrigin, ttl }: Cache, report: Report): void {
  if (maxBodyBytes !== undefined && (maxBodyBytes.bytes < 1 || maxBodyBytes.bytes > MAX_CACHED_BODY_BYTES)) {
    report({ field: 'spec.cache.maxBodyBytes', message: 'must be 1B to 4MiB' });
  }
  if (respectOrigin === false && (ttl === undefined || (ttl.seconds === 0n && ttl.nanos === 0))) {
    report({
      field: 'spec.cache.ttl',
      message: 'is missing, and the origin is not asked for how long answers are kept',
      remedy: 'give one, or leave out respectOrigin',
    });
  }
}
