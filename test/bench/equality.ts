import { readFile } from 'node:fs/promises';
import type { HttpResponse } from '../harness/http-message.ts';
import type { Origin, OriginRequest } from '../harness/origin.ts';
import { connectRaw } from '../harness/raw-client.ts';
import type { Candidate } from './candidate.ts';
import type { CandidateSpec } from './cases.ts';
import { signToken } from './tokens.ts';
import { consumerName, host } from './workload.ts';

/** What every proxy must add, or the work is not equal. The gateways on Node add less, to their advantage. */
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

/** What only proxies with policies send, and the key they remove and the others pass on. */
const policyHeaders = {
  request: ['x-consumer', 'x-api-key'],
  response: ['ratelimit', 'ratelimit-policy'],
} as const;

/** Belongs to one connection, so each proxy has its own. */
const hopByHop = ['connection', 'keep-alive', 'transfer-encoding'];

/** A started proxy and the file of what it will be asked. */
export type Running = { readonly spec: CandidateSpec; readonly candidate: Candidate; readonly requestsFile: string };

type Seen = { readonly name: string; readonly request: readonly string[]; readonly response: readonly string[] };

/**
 * Sends the same request through every proxy and compares what the recording origin and the client got. Returns a line
 * for each header that one proxy sends and another does not, for each required one that is missing, for each difference
 * in the body, and for each credential that a proxy with policies should have refused.
 */
export async function checkEquality(running: readonly Running[], origin: Origin): Promise<string[]> {
  const problems: string[] = [];
  const seen: Seen[] = [];
  for (const { spec, candidate, requestsFile } of running) {
    const { request, response } = await sendOne(spec.name, candidate, origin, await readCredential(requestsFile));
    if (response.status !== 200) problems.push(`${spec.name}: status ${response.status} ${response.body.toString()}`);
    if (request === undefined) {
      problems.push(`${spec.name}: the origin got no request`);
      continue;
    }
    if (response.body.toString() !== originBody) problems.push(`${spec.name}: the client got another body`);
    if (hasPolicies(spec)) problems.push(...(await checkRefusals(spec, candidate, origin)));
    if (isPlainNode(spec)) continue;
    seen.push({ name: spec.name, request: namesOf(request.headers), response: namesOf(response.headers) });
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

/** Credentials that no proxy with policies may let pass, so that none saves the work of looking at them. */
async function checkRefusals(spec: CandidateSpec, candidate: Candidate, origin: Origin): Promise<string[]> {
  const sub = consumerName(0);
  const hour = 3600;
  const now = Math.floor(Date.now() / 1000);
  const bearer = (token: string) => `authorization: Bearer ${token}`;
  const refused: Readonly<Record<string, string | undefined>> =
    spec.workload.credential === 'jwt'
      ? {
          'no token': undefined,
          'a wrong signature': bearer(
            signToken({ sub, jti: 'forged' }, 'the secret of somebody else, as long as ours'),
          ),
          'an expired token': bearer(signToken({ sub, jti: 'late', exp: now - hour })),
          'a token of another issuer': bearer(
            signToken({ sub, jti: 'foreign', iss: 'https://elsewhere.example.com/' }),
          ),
          'an unknown consumer': bearer(signToken({ sub: 'nobody', jti: 'unknown' })),
        }
      : { 'no key': undefined, 'an unknown key': 'x-api-key: slk_nobody' };
  const problems: string[] = [];
  for (const [what, credential] of Object.entries(refused)) {
    const { response } = await sendOne(spec.name, candidate, origin, credential);
    if (response.status !== 401) problems.push(`${spec.name}: ${what} gets ${response.status} instead of 401`);
  }
  return problems;
}

const originBody = '{"message":"hello world"}\n';

const hasPolicies = ({ program, workload }: CandidateSpec) =>
  workload.consumers > 0 && (program === 'sluice' || program.startsWith('haproxy-'));

const isPlainNode = ({ program }: CandidateSpec) =>
  program === 'fastify-http-proxy' || program === 'http-proxy-3' || program === 'fast-gateway';

/** The header of the first request of the load; a token of its own where each is sent once. */
async function readCredential(requestsFile: string): Promise<string | undefined> {
  const line = (await readFile(requestsFile, 'utf8')).split('\n', 1)[0]!;
  const header = line.split(' ').slice(2).join(' ');
  if (header === '-') return undefined;
  return header.replace('@TOKEN@', () => signToken({ sub: consumerName(0), jti: `equality-${process.pid}` }));
}

async function sendOne(
  name: string,
  candidate: Candidate,
  origin: Origin,
  credential: string | undefined,
): Promise<{ request: OriginRequest | undefined; response: HttpResponse }> {
  // With a date, as the upstream sends one: a gateway adds it only where it is missing.
  const headers = { 'content-type': 'application/json', date: new Date().toUTCString() };
  origin.reply = () => ({ headers, body: originBody });
  const before = origin.requests.length;
  await using client = await connectRaw(candidate.equalityPort);
  const [field, value] = credential?.split(': ') ?? [];
  const response = await client.request({
    target: `${candidate.equalityPath}/${name.replaceAll(/[^a-z0-9]+/g, '-')}`,
    headers: { host, 'user-agent': 'bench', accept: '*/*', ...(field === undefined ? {} : { [field]: value! }) },
  });
  return { request: origin.requests[before], response };
}

function namesOf(headers: OriginRequest['headers']): string[] {
  return headers.map(([name]) => name.toLowerCase());
}
