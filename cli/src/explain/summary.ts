import type { Decision, ExplainedRequest, Explainer } from '@sluice/engine';
import { formatOutcome } from './print-explanation.ts';

/** What became of how many requests. */
export interface SummaryRow {
  readonly requests: number;
  /** Undefined: of no route. */
  readonly route: string | undefined;
  readonly status: number | undefined;
  readonly code: string | undefined;
  /** With two revisions: what became of them at the other. */
  readonly before?: string;
  /** One of them. */
  readonly example: string;
}

/** Groups decisions that are alike; the most frequent first. */
export function summarize(explainer: Explainer, requests: readonly ExplainedRequest[]): SummaryRow[] {
  return group(requests, (request) => {
    const { route, outcome } = explainer.decide(request);
    return { route, status: outcome.status, code: outcome.code };
  });
}

/** Groups those of the requests that two revisions decide differently. */
export function compareAll(now: Explainer, before: Explainer, requests: readonly ExplainedRequest[]): SummaryRow[] {
  return group(requests, (request) => {
    const [after, earlier] = [decideOrSay(now, request), decideOrSay(before, request)];
    if (decisionText(after) === decisionText(earlier)) return undefined;
    const { route, status, code } =
      typeof after === 'string'
        ? { route: undefined, status: undefined, code: after }
        : { route: after.route, status: after.outcome.status, code: after.outcome.code };
    return { route, status, code, before: decisionText(earlier) };
  });
}

/** What a decision comes down to: two that read alike do the same to a client. */
function decisionText(explanation: Decision | string): string {
  if (typeof explanation === 'string') return explanation;
  const { route, outcome, destinations } = explanation;
  const where = destinations.map(
    ({ service, share }) => `${service}${share < 1 ? ` ${Math.round(share * 100)} %` : ''}`,
  );
  return [
    ...(route === undefined ? [] : [`route ${route}:`]),
    outcome.kind === 'forward' ? `forwarded to ${where.join(', ')}` : formatOutcome(outcome),
  ].join(' ');
}

/** A listener or a consumer may not have been there yet. */
function decideOrSay(explainer: Explainer, request: ExplainedRequest): Decision | string {
  try {
    return explainer.decide(request);
  } catch (error) {
    if (error instanceof RangeError) return error.message;
    throw error;
  }
}

type Kind = Omit<SummaryRow, 'requests' | 'example'>;

function group(
  requests: readonly ExplainedRequest[],
  decide: (request: ExplainedRequest) => Kind | undefined,
): SummaryRow[] {
  const rows = new Map<string, { requests: number; decision: Kind; example: string }>();
  for (const request of requests) {
    const decision = decide(request);
    if (decision === undefined) continue;
    const key = JSON.stringify(decision);
    const row = rows.get(key);
    if (row === undefined) rows.set(key, { requests: 1, decision, example: requestText(request) });
    else row.requests++;
  }
  return [...rows.values()]
    .sort((a, b) => b.requests - a.requests)
    .map(({ requests: count, decision, example }) => ({ requests: count, ...decision, example }));
}

function requestText({ method, host, target }: ExplainedRequest): string {
  return `${method} ${host === undefined ? '' : `http://${host}`}${target}`;
}
