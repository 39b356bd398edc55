import { forwardRequests, readRequests, readResponses, type Splits } from './http1-codec.ts';
import { generateRequests, generateResponses } from './http1-generate.ts';
import { createLlhttpServer, readRequestsByLlhttp, readResponsesByLlhttp } from './http1-llhttp.ts';
import { disagreement, type Reading } from './http1-message.ts';
import { type Random, seededRandom } from './random.ts';

/** What a run covered: a fuzzer that only ever meets refusals, or none, tests little. */
export interface FuzzReport {
  readonly cases: number;
  /** Connections both read to their end without objection. */
  readonly accepted: number;
  /** Connections both refused. */
  readonly refused: number;
  /** Connections only Sluice refused. */
  readonly stricter: number;
  /** The first disagreement, with what repeats it; null where there was none. */
  readonly failure: string | null;
}

/** How long to go on: `more` is asked before each case. */
export type Budget = (cases: number) => boolean;

/**
 * Generated and damaged requests: what llhttp (strict) refuses, Sluice's codec refuses; what both take, they read as the
 * same messages; and the codec says the same wherever the bytes are split. What would be passed on, llhttp reads as the
 * very requests that were accepted.
 */
export async function fuzzRequests(seed: number, more: Budget): Promise<FuzzReport> {
  const server = createLlhttpServer();
  return fuzz(seed, more, (random) => {
    const bytes = generateRequests(random);
    return {
      bytes,
      ours: (splits) => readRequests(bytes, splits),
      theirs: () => readRequestsByLlhttp(server, bytes),
      upstream: async (accepted) => {
        const forwarded = forwardRequests(bytes, randomSplits(random, bytes));
        return forwardedWrongly(accepted, await readRequestsByLlhttp(server, forwarded), forwarded);
      },
    };
  });
}

/** The same for responses to GET and HEAD. */
export async function fuzzResponses(seed: number, more: Budget): Promise<FuzzReport> {
  return fuzz(seed, more, (random) => {
    const method = random.oneIn(5) ? 'HEAD' : 'GET';
    const bytes = generateResponses(random);
    return {
      bytes,
      ours: (splits) => readResponses(bytes, [method], splits),
      theirs: () => readResponsesByLlhttp(bytes, method),
    };
  });
}

interface Case {
  readonly bytes: Buffer;
  readonly ours: (splits: Splits) => Reading;
  readonly theirs: () => Promise<Reading>;
  /** What is wrong with what would be sent on; null where nothing is. */
  readonly upstream?: (accepted: Reading) => Promise<string | null>;
}

async function fuzz(seed: number, more: Budget, generate: (random: Random) => Case): Promise<FuzzReport> {
  const random = seededRandom(seed);
  const counts = { cases: 0, accepted: 0, refused: 0, stricter: 0 };
  while (more(counts.cases)) {
    const { bytes, ours, theirs, upstream } = generate(random);
    const strict = ours([]);
    const reference = await theirs();
    const failure =
      disagreement(strict, reference) ??
      splitDependence(random, bytes, strict, ours) ??
      (strict.messages.length > 0 ? ((await upstream?.(strict)) ?? null) : null);
    if (failure !== null) {
      const text = JSON.stringify(bytes.toString('latin1'));
      return { ...counts, failure: `seed ${seed}, case ${counts.cases}: ${failure}\n  ${text}` };
    }
    counts.cases++;
    if (strict.clean) counts.accepted++;
    else if (reference.clean) counts.stricter++;
    else counts.refused++;
  }
  return { ...counts, failure: null };
}

function splitDependence(random: Random, bytes: Buffer, whole: Reading, ours: Case['ours']): string | null {
  const splits = randomSplits(random, bytes);
  const everywhere = Array.from(bytes.keys());
  for (const way of [splits, everywhere]) {
    const reading = ours(way);
    if (JSON.stringify(reading) !== JSON.stringify(whole)) {
      return `split at ${way.join(',')} it reads as ${JSON.stringify(reading)}, whole as ${JSON.stringify(whole)}`;
    }
  }
  return null;
}

function randomSplits(random: Random, bytes: Buffer): Splits {
  return Array.from({ length: 1 + random.int(4) }, () => random.int(bytes.length + 1)).sort((a, b) => a - b);
}

function forwardedWrongly(accepted: Reading, received: Reading, forwarded: Buffer): string | null {
  const bodies = ({ messages }: Reading) =>
    JSON.stringify(messages.map(({ start, body }) => [start.split(' ')[0], body]));
  if (received.clean && bodies(received) === bodies(accepted)) return null;
  const text = JSON.stringify(forwarded.toString('latin1'));
  return `passed on as ${text}, which the reference reads as ${JSON.stringify(received)}`;
}
