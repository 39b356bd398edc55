import type { Cors } from '@sluice/proto';
import { parseOrigin } from '../../tables/build-cors.ts';
import type { Report } from '../problem.ts';
import { isHeaderName } from './reserved-headers.ts';
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
  checkNames(cors, 'methods', isMethod, 'must be a method in capitals', report);
  checkNames(cors, 'headers', isHeaderName, 'must be a header name', report);
  checkNames(cors, 'exposeHeaders', isHeaderName, 'must be a header name', report);
};

function isMethod(text: string): boolean {
  return /^[A-Z]+(?:-[A-Z]+)*$/.test(text);
}

function checkNames(
  cors: Cors,
  list: 'methods' | 'headers' | 'exposeHeaders',
  isName: (text: string) => boolean,
  message: string,
  report: Report,
): void {
  cors[list].forEach((name, i) => {
    const field = `spec.cors.${list}[${i}]`;
    if (name === '*') {
      if (!cors.credentials) return;
      report({ field, message: '"*" does not go with credentials: browsers take it for a name', remedy: 'name each' });
    } else if (!isName(name)) report({ field, message });
  });
}
