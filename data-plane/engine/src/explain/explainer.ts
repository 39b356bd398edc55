import type { Resource } from '@sluice/proto';
import { encodeResource } from '../config/encode.ts';
import { kindOf } from '../config/kind.ts';
import { findSecrets, secretPlace } from '../config/secrets.ts';
import type { JsonObject } from '../jwt/unique-json.ts';
import { type NormalizedTarget, normalizeTarget } from '../router/normalize-path.ts';
import { compareMatches } from '../router/rank.ts';
import type { RouteRequest } from '../router/route-match.ts';
import { ActiveSet, type HeldItem } from '../tables/active-set.ts';
import { defaultListener } from '../tables/build-listener.ts';
import type { BuiltRoute } from '../tables/build-route.ts';
import type { SlotSource, TrackItem } from '../tables/built-item.ts';
import type { ConsumerPlan } from '../tables/caller-plan.ts';
import type { DestinationPlan, ListenerPlan } from '../tables/plan.ts';
import { Tables } from '../tables/tables.ts';
import { compareDistance, explainMatches, type MatchVerdict } from './explain-match.ts';
import { explainPlan } from './explain-plan.ts';

/** A request as a client would send it, and what is to be assumed of who sends it. */
export interface ExplainedRequest {
  /** The listener's name. */
  readonly listener: string;
  readonly method: string;
  /** The Host header. Undefined: none is sent. */
  readonly host: string | undefined;
  /** Path and query as they would be sent. */
  readonly target: string;
  /** By name in lower case; of those that come more than once, the values joined by `, `. */
  readonly headers: ReadonlyMap<string, string>;
  /** Undefined: there is none. */
  readonly body: Uint8Array | undefined;
  /** The address that it comes from; of a trusted proxy, X-Forwarded-For among `headers` counts. Undefined: it is not assumed. */
  readonly address: string | undefined;
  /** The caller that a credential stands for. Undefined: none is presented. Credentials among `headers` are not looked at. */
  readonly caller: AssumedCaller | undefined;
}

export interface AssumedCaller {
  /** The consumer's name. Undefined: a token that stands for none. */
  readonly consumer: string | undefined;
  /** Scopes, groups and claims of a token. Where there are any the scopes are these alone, else those of the consumer. */
  readonly scopes: readonly string[];
  readonly groups: readonly string[];
  readonly claims: JsonObject | null;
}

/** What one step has to say. `pass`: the request goes on; `end`: it is answered here; `open`: that is decided by what only a node knows. */
export interface StepVerdict {
  readonly step: string;
  readonly verdict: 'pass' | 'end' | 'open';
  /** In words. */
  readonly says: string;
}

/** What becomes of a request. */
export interface RequestOutcome {
  /** `forward`: it goes to a service; `answer`: the configuration answers it; `refuse`: a problem is answered. */
  readonly kind: 'forward' | 'answer' | 'refuse';
  /** The status that the gateway answers with. Undefined: the upstream decides it. */
  readonly status: number | undefined;
  /** The code of the problem. Undefined: it is no problem. */
  readonly code: string | undefined;
  /** In words. */
  readonly says: string;
}

export interface Decision {
  readonly outcome: RequestOutcome;
  /** The route that takes it. Undefined: none. */
  readonly route: string | undefined;
  /** The path in the one form that everything compares. Undefined: it has none. */
  readonly path: string | undefined;
  /** Where it goes, each with its share of 1. */
  readonly destinations: readonly { readonly service: string; readonly share: number }[];
  /** Which steps were gone through, in order. */
  readonly steps: readonly StepVerdict[];
}

/** A decision beside what might have been. */
export interface Explanation extends Decision {
  /** The match that takes it. Undefined: none. */
  readonly taking: MatchVerdict | undefined;
  /** Matches that would take it too, were the route that takes it not there; the one that would win first. */
  readonly alsoTaking: readonly MatchVerdict[];
  /** Matches that nearly take it, the nearest first; one for each route. */
  readonly nearest: readonly MatchVerdict[];
}

export interface ExplainerOptions {
  /** The group of the nodes. Default `default`. */
  readonly group?: string;
  /** How many of `alsoTaking` and of `nearest` are given. Default 5. */
  readonly limit?: number;
  /** Why the node believes no credential: cut off for longer than its `--max-staleness`. Unset: it does. */
  readonly disbelief?: string;
}

/**
 * Says what a node does with a request and why, by the tables and decisions of the node itself. What depends on the moment (tokens left
 * in a limit, breakers, health, what is drawn) is told as open.
 */
export class Explainer {
  /** What a node would not build, and serve older or refuse. */
  readonly held: readonly HeldItem[];
  readonly #routes: readonly BuiltRoute[];
  readonly #tables: Tables;
  readonly #limit: number;
  readonly #disbelief: string | undefined;

  /** @param resources a whole configuration; secrets may be fingerprints. */
  constructor(resources: readonly Resource[], { group = 'default', limit = 5, disbelief }: ExplainerOptions = {}) {
    const context = { group, slots: NO_SLOTS };
    const set = new ActiveSet(context);
    set.make(set.plan({ upserts: resources.map(toItem), removals: [], snapshot: true }));
    this.#tables = new Tables({ ...context, listeners: [defaultListener(DEFAULT_LISTENER, '0.0.0.0:8080')] });
    this.#tables.commit(this.#tables.stage(set.wholeChange()));
    this.#routes = [...set.activeItems()].filter((item) => item.kind === 'Route');
    this.held = [...set.held.values()];
    this.#limit = limit;
    this.#disbelief = disbelief;
  }

  /**
   * What a node does with it, at a node's cost.
   * @throws RangeError where the listener or the consumer is not there
   */
  decide(asked: ExplainedRequest): Decision {
    const listener = this.#listenerOf(asked);
    const target = normalizeTarget(asked.target, listener);
    if ('code' in target) return refuse('path', 400, target.code, target.message, undefined);
    const request = routeRequest(asked, target);
    const finding = this.#tables.find(asked.listener, request);
    switch (finding.kind) {
      case 'notFound':
        return refuse('route', 404, 'route_not_found', 'no route takes this request', target.path);
      case 'methodNotAllowed': {
        const says = `routes take it with the method ${finding.allow.join(' or ')}, and not with ${request.method}`;
        return refuse('route', 405, 'method_not_allowed', says, target.path);
      }
      case 'found': {
        const { plan } = finding;
        const { outcome, steps } = explainPlan(plan, asked, target, finding.path, listener, {
          consumer: this.#consumerOf(asked.caller),
          disbelief: this.#disbelief,
        });
        return {
          outcome,
          route: plan.name,
          path: target.path,
          destinations: outcome.kind === 'forward' ? sharesOf(plan.destinations) : [],
          steps: [{ step: 'route', verdict: 'pass', says: `${plan.name} takes it` }, ...steps],
        };
      }
      default:
        return finding satisfies never;
    }
  }

  /**
   * The same, with all other matches held against it: at a cost of the number of routes.
   * @throws RangeError as {@link decide}
   */
  explain(asked: ExplainedRequest): Explanation {
    const decision = this.decide(asked);
    const target = normalizeTarget(asked.target, this.#listenerOf(asked));
    if ('code' in target) return { ...decision, taking: undefined, alsoTaking: [], nearest: [] };
    const request = routeRequest(asked, target);
    const verdicts = this.#routes
      .filter(({ enabled, listeners }) => enabled && (listeners.length === 0 || listeners.includes(asked.listener)))
      .flatMap(({ match }) => explainMatches(match, request));
    const all = verdicts.filter(({ failed }) => failed === undefined).sort((a, b) => compareMatches(a.rank, b.rank));
    const [taking, ...alsoTaking] = all;
    const nearest = nearestOf(verdicts, new Set(all.map(({ rank }) => rank.routeName)), this.#limit);
    return { ...decision, taking, alsoTaking: alsoTaking.slice(0, this.#limit), nearest };
  }

  #listenerOf({ listener: name }: ExplainedRequest): ListenerPlan {
    const listener = this.#tables.listener(name);
    if (listener === undefined) throw new RangeError(`there is no listener ${name}`);
    return listener;
  }

  #consumerOf(caller: AssumedCaller | undefined): ConsumerPlan | undefined {
    if (caller?.consumer === undefined) return undefined;
    const consumer = this.#tables.consumer(caller.consumer);
    if (consumer === undefined) throw new RangeError(`there is no consumer ${caller.consumer}`);
    return consumer;
  }
}

/** What a node serves on where the configuration names no listener. */
export const DEFAULT_LISTENER = 'http';

/** Nothing is counted here. */
const NO_SLOTS: SlotSource = { route: () => 0, service: () => 0, endpoint: () => 0, limit: () => 0, policy: () => 0 };

function refuse(step: string, status: number, code: string, says: string, path: string | undefined): Decision {
  const outcome: RequestOutcome = { kind: 'refuse', status, code, says };
  return { outcome, route: undefined, path, destinations: [], steps: [{ step, verdict: 'end', says }] };
}

function routeRequest(asked: ExplainedRequest, target: NormalizedTarget): RouteRequest {
  const { host, headers } = asked;
  const header = (name: string) => (name === 'host' ? host : headers.get(name));
  return { host, ...target, method: routedMethod(asked), header };
}

/** A configuration that was exported has fingerprints for secrets; any secret will do where no credential is verified. */
function toItem(resource: Resource): TrackItem {
  const secrets = findSecrets(resource).map((secret) => ({
    field: secretPlace(secret.field),
    fingerprint: 'unchanged' in secret ? secret.unchanged : '',
    value: STAND_IN_SECRET,
  }));
  return { kind: kindOf(resource), name: resource.name, content: encodeResource(resource), secrets };
}

const STAND_IN_SECRET = 'x'.repeat(64);

/** A CORS preflight is routed by the method it asks about. */
function routedMethod({ method, headers }: ExplainedRequest): string {
  const asked = headers.get('access-control-request-method');
  return method === 'OPTIONS' && headers.has('origin') && asked !== undefined ? asked : method;
}

function nearestOf(verdicts: readonly MatchVerdict[], taking: ReadonlySet<string>, limit: number): MatchVerdict[] {
  const best = new Map<string, MatchVerdict>();
  for (const verdict of verdicts) {
    const { rank, failed, distance } = verdict;
    const { routeName } = rank;
    // What has no more in common than the first character is not near.
    if (taking.has(routeName) || (failed?.kind === 'path' && distance[1] < 2)) continue;
    const known = best.get(routeName);
    if (known === undefined || compareDistance(verdict, known) < 0) best.set(routeName, verdict);
  }
  return [...best.values()].sort(compareDistance).slice(0, limit);
}

function sharesOf(destinations: readonly DestinationPlan[]): Explanation['destinations'] {
  const sum = destinations.reduce((total, { weight }) => total + weight, 0);
  return destinations.map(({ service, weight }) => ({ service: service.name, share: weight / sum }));
}
