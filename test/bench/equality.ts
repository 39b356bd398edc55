import type { HttpResponse } from '../harness/http-message.ts';
import type { Origin, OriginRequest } from '../harness/origin.ts';
import { connectRaw } from '../harness/raw-client.ts';
import type { Candidate } from './candidate.ts';
import { host } from './workload.ts';

/** What every proxy must add, or the work is not equal. */
const required = {
  request: [
    'host',
    'x-request-id',
    'traceparent',
    'x-forwarded-for',
    'x-forwarded-proto',
    'x-forwarded-host',
    'forwarded',
    'via',
  ],
  response: ['x-request-id', 'x-trace-id'],
} as const;

/** What only Sluice sends, because the peers neither authenticate nor limit; and the key it removes and they pass on. */
const policyHeaders = {
  request: ['x-consumer', 'x-api-key'],
  response: ['ratelimit', 'ratelimit-policy'],
} as const;

/** Belongs to one connection, so each proxy has its own. */
const hopByHop = ['connection', 'keep-alive', 'transfer-encoding'];

type Seen = { readonly name: string; readonly request: readonly string[]; readonly response: readonly string[] };

/**
 * Sends the same request through every proxy and compares what the recording origin and the client got. Returns a line
 * for each header that one proxy sends and another does not, for each required one that is missing, and for each
 * difference in the body.
 */
export async function checkEquality(
  candidates: readonly Candidate[],
  origin: Origin,
  secretOf: (candidate: Candidate) => string | undefined,
): Promise<string[]> {
  const problems: string[] = [];
  const seen: Seen[] = [];
  for (const candidate of candidates) {
    const { request, response } = await sendOne(candidate, origin, secretOf(candidate));
    if (response.status !== 200)
      problems.push(`${candidate.name}: status ${response.status} ${response.body.toString()}`);
    if (request === undefined) {
      problems.push(`${candidate.name}: the origin got no request`);
      continue;
    }
    if (response.body.toString() !== originBody) problems.push(`${candidate.name}: the client got another body`);
    seen.push({ name: candidate.name, request: namesOf(request.headers), response: namesOf(response.headers) });
  }
  for (const side of ['request', 'response'] as const) {
    const wanted = new Set([...required[side], ...seen.flatMap((one) => one[side])]);
    for (const header of [...hopByHop, ...policyHeaders[side]]) wanted.delete(header);
    for (const one of seen) {
      for (const header of wanted) {
        if (!one[side].includes(header)) problems.push(`${one.name}: no ${header} in the ${side}`);
      }
    }
  }
  return problems;
}

const originBody = '{"message":"hello world"}\n';

async function sendOne(
  candidate: Candidate,
  origin: Origin,
  secret: string | undefined,
): Promise<{ request: OriginRequest | undefined; response: HttpResponse }> {
  origin.reply = () => ({ headers: { 'content-type': 'application/json' }, body: originBody });
  const before = origin.requests.length;
  await using client = await connectRaw(candidate.equalityPort);
  const response = await client.request({
    target: `${candidate.equalityPath}/${candidate.name.replaceAll(/[^a-z0-9]+/g, '-')}`,
    headers: { host, 'user-agent': 'bench', accept: '*/*', ...(secret === undefined ? {} : { 'x-api-key': secret }) },
  });
  return { request: origin.requests[before], response };
}

function namesOf(headers: OriginRequest['headers']): string[] {
  return headers.map(([name]) => name.toLowerCase());
}
