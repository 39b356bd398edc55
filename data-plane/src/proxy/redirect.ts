import { type RedirectPlan, rewritePath, withOneSlash } from '@sluice/engine';
import { type FieldText, fieldLine, HeaderId, joinedFieldValue } from '../http1/index.ts';
import { answerConfigured, answerProblem } from './answer.ts';
import type { Exchange } from './exchange.ts';

/** Sends the client elsewhere (RFC 9110 15.4). The query stays. */
export function redirect(x: Exchange): boolean {
  const plan = x.plan.redirect;
  if (plan === undefined) return false;
  // Two slashes at the beginning would name a host.
  const location = fieldLine(
    'location',
    origin(x, plan) + withOneSlash(rewritePath(x.plan.rewrite.path, x.path, x.matched)) + x.query,
  );
  if (location === undefined) answerProblem(x, 'bad_request', 'The request cannot be redirected to a valid target.');
  else answerConfigured(x, plan.status, (location + x.route.responseLines) as FieldText, '');
  return true;
}

/** Empty where the redirect stays at the origin it was asked from: the target is then relative to that. */
function origin(x: Exchange, { scheme, host, port }: RedirectPlan): string {
  if (scheme === undefined && host === undefined && port === undefined) return '';
  const name = host ?? x.head.host?.name;
  // HTTP/1.0 without Host: there is no name to build upon.
  if (name === undefined) return '';
  return `${scheme ?? askedScheme(x)}://${name}${port === undefined ? '' : `:${port}`}`;
}

/** How the client asked, as a trusted peer in front tells. */
function askedScheme(x: Exchange): string {
  const said = x.client.peer.isTrusted(x.listener) ? joinedFieldValue(x.head, HeaderId.forwardedProto) : undefined;
  return said === 'https' ? 'https' : 'http';
}
