import { normalizePath } from '@sluice/engine';
import { type FieldText, fieldValue, HeaderId } from '../http1/index.ts';
import { answerConfigured, answerProblem } from './answer.ts';
import { answerCors } from './answer-cors.ts';
import { collectBody, needsWholeBody } from './body/collect-body.ts';
import { validateHead } from './body/validate-request.ts';
import { lookUpCache } from './cache/cache-lookup.ts';
import type { Exchange } from './exchange.ts';
import { drawFaults } from './faults.ts';
import { authenticate } from './identity/authenticate.ts';
import { authorize, checkAddress } from './identity/authorize.ts';
import { checkLimits } from './limits/check-limits.ts';
import { beginRecord } from './record/record-request.ts';
import { startTrace } from './record/trace-context.ts';
import { redirect } from './redirect.ts';
import { rehearse } from './rehearse.ts';
import { admitUpgrade } from './tunnel/admit-upgrade.ts';
import { chooseDestination } from './upstream/choose-destination.ts';
import { forward } from './upstream/forward.ts';

/** One step of a request. True: the request was answered or sent on its way, and no later phase sees it. */
type Phase = (x: Exchange) => boolean;

/** What happens to a request, in this order. Nothing here waits. */
export const REQUEST_PHASES: readonly Phase[] = [
  // The revision of this request is decided here and nowhere later.
  takeRevision,
  // Before anything compares paths: every later phase, and the upstream, sees this one form.
  normalizeTarget,
  findRoute,
  // Without all its policies a route might let pass what it should not.
  requireWholeRoute,
  // The client asks again elsewhere: nothing of this request is looked at further.
  redirect,
  // Before authentication: browsers send no credentials with a preflight, and scripts are to read refusals too.
  answerCors,
  // Before anything is counted: who may not call at all uses up nobody's limit.
  checkAddress,
  // Before authentication, so that guessing keys is limited too.
  limitByAddress,
  authenticate,
  // Who is identified here counts for what follows, as anybody who is.
  rehearse,
  // Before limits: what a caller may not do costs him nothing.
  authorize,
  // Who asks may decide it, and limits may be by it.
  chooseDestination,
  // After authentication: only now is it known whose limits they are.
  limitByCaller,
  // After everything that decides whether the client may ask at all.
  drawFaults,
  answerForService,
  // The last that can refuse what the client sends.
  validateHead,
  // May wait: everything that is decided by the head alone is decided.
  collectBody,
  respondDirectly,
  requireService,
  // By the announced length, before a byte of the body is sent on.
  checkBodySize,
  // When everything else has let it pass: a tunnel is under no policy but the times.
  admitUpgrade,
  // Last: who may not ask gets nothing out of the cache either. May wait for who fetches the same.
  lookUpCache,
  forward,
];

/** Where a request goes on that has waited for its body. */
export const AFTER_BODY = REQUEST_PHASES.indexOf(collectBody) + 1;

const RETRY_SOON = 'retry-after: 1\r\n';

function takeRevision(x: Exchange): boolean {
  x.context.hooks.onRequest?.((name) => x.header(name));
  const ready = x.context.source.activate();
  x.listener = x.client.listener;
  startTrace(x);
  if (ready) return false;
  answerProblem(x, 'not_ready', undefined, RETRY_SOON);
  return true;
}

function normalizeTarget(x: Exchange): boolean {
  const { path: target } = x.head;
  // RFC 9110 7.4; a proxy that is trusted may have ended the TLS.
  if (x.head.scheme === 'https' && !x.client.peer.isTrusted(x.listener)) {
    answerProblem(x, 'bad_request', 'An https target on a connection without TLS.');
    return true;
  }
  const queryAt = target.indexOf('?');
  const path = normalizePath(queryAt < 0 ? target : target.slice(0, queryAt), x.listener);
  if (typeof path !== 'string') {
    answerProblem(x, 'bad_request', path.message);
    return true;
  }
  x.path = path;
  x.query = queryAt < 0 ? '' : target.slice(queryAt);
  return false;
}

function findRoute(x: Exchange): boolean {
  const { head, context } = x;
  x.host = head.host?.name;
  x.method = head.method === 'OPTIONS' ? preflightMethod(x) : head.method;
  const finding = context.source.tables.find(x.client.listenerName, x);
  switch (finding.kind) {
    case 'found':
      x.plan = finding.plan;
      x.route = context.routeState(finding, x.listener);
      x.matched = finding.path;
      x.routed = true;
      if (x.route.isObserved) beginRecord(x);
      x.serviceSlot = x.route.serviceSlot;
      if (x.route.requestDropNames !== null) x.body.dropTrailers();
      if (x.route.mayNeedBody && needsWholeBody(x)) x.body.takePayload();
      return false;
    case 'methodNotAllowed':
      answerProblem(x, 'method_not_allowed', undefined, `allow: ${finding.allow.join(', ')}\r\n`);
      return true;
    case 'notFound':
      answerProblem(x, 'route_not_found');
      return true;
    default:
      return finding satisfies never;
  }
}

/** A CORS preflight is routed by the method it asks about. */
function preflightMethod({ head }: Exchange): string {
  const asked = fieldValue(head, HeaderId.accessControlRequestMethod);
  return asked === undefined || fieldValue(head, HeaderId.origin) === undefined ? head.method : asked;
}

function requireWholeRoute(x: Exchange): boolean {
  if (x.plan.unavailable === undefined) return false;
  answerProblem(x, 'policy_unavailable', undefined, RETRY_SOON);
  return true;
}

function limitByAddress(x: Exchange): boolean {
  return checkLimits(x, x.route.addressLimits);
}

function limitByCaller(x: Exchange): boolean {
  return checkLimits(x, x.route.callerLimits);
}

/** RFC 9110 7.6.2: OPTIONS that may not be passed on any further has arrived, and only asked whether it would. */
function answerForService(x: Exchange): boolean {
  if (x.head.maxForwards !== 0 || x.head.method !== 'OPTIONS') return false;
  answerConfigured(x, 200, '' as FieldText, '');
  return true;
}

function respondDirectly(x: Exchange): boolean {
  const { response } = x.route;
  if (response === null) return false;
  answerConfigured(x, response.status, response.lines, response.body);
  return true;
}

function requireService(x: Exchange): boolean {
  if (x.destination.plan.service.enabled) return false;
  answerProblem(x, 'service_disabled');
  return true;
}

function checkBodySize(x: Exchange): boolean {
  if (x.head.contentLength <= x.route.bodyBytes) return false;
  answerProblem(x, 'body_too_large');
  return true;
}
