import type { Cors } from '@sluice/proto';
import { parseOrigin } from '../../tables/build-cors.ts';
import type { Report } from '../problem.ts';
import type { Rule } from './rule.ts';

/** Origins are origins, names are names, and `*` is not used where browsers take it for nothing. */
export const checkCors: Rule = ({ spec }, report) => {
  if (spec.case !== 'policy' && spec.case !== 'route') return;
  const { cors } = spec.value;
  if (cors === undefined) return;
  cors.origins.forEach((origin, i) => {
    const field = `spec.cors.origins[${i}]`;
    if (origin === '*') {
      if (cors.credentials) report({ field, message: '"*" does not go with credentials', remedy: 'name the origins' });
      return;
    }
    const parsed = parseOrigin(origin);
    if (typeof parsed === 'string') report({ field, message: parsed });
  });
  checkNames(cors, 'methods', /^[A-Z]+(?:-[A-Z]+)*$/, 'must be a method in capitals', report);
  checkNames(cors, 'headers', TOKEN, 'must be a header name', report);
  checkNames(cors, 'exposeHeaders', TOKEN, 'must be a header name', report);
};

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;

function checkNames(
  cors: Cors,
  list: 'methods' | 'headers' | 'exposeHeaders',
  pattern: RegExp,
  message: string,
  report: Report,
): void {
  cors[list].forEach((name, i) => {
    const field = `spec.cors.${list}[${i}]`;
    if (name === '*') {
      if (!cors.credentials) return;
      report({ field, message: '"*" does not go with credentials: browsers take it for a name', remedy: 'name each' });
    } else if (!pattern.test(name)) report({ field, message });
  });
}
