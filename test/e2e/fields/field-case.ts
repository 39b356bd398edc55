import type { Admin } from '../../harness/admin.ts';
import type { DnsServer } from '../../harness/dns-server.ts';
import type { HttpResponse } from '../../harness/http-message.ts';
import type { Origin } from '../../harness/origin.ts';
import { connectRaw, type RawRequest } from '../../harness/raw-client.ts';
import { waitFor } from '../../harness/wait-for.ts';

export type Spec = Readonly<Record<string, unknown>>;

/** A resource as manifests write it, without its name and kind. */
export type Written = { readonly spec?: Spec; readonly labels?: Spec; readonly nodeGroups?: readonly string[] };

/** What a case may look at. */
export type World = {
  readonly port: number;
  readonly origin: Origin;
  /** A second one, which answers with `x-origin: other`. */
  readonly other: Origin;
  readonly admin: Admin;
  /** The file that the node writes its access log to. */
  readonly accessLog: string;
  /** The one that the node asks: every name in `.test` has the address of the origins for an hour, `_main._tcp.test` and `_other._tcp.test` have their ports too. */
  readonly dns: DnsServer;
  /** Resolves once the endpoints that DNS knows are found. */
  readonly settled: () => Promise<void>;
  /** Ports that nobody listens on, for listeners: FREE1 and FREE2 in manifests. */
  readonly free: readonly [number, number];
  /** New for each observation: for limits that are to start fresh. */
  readonly run: string;
  /** What is to be observed: how long to look for what does not happen depends on it. */
  readonly expected: unknown;
  /** Asks on a connection of its own. */
  readonly ask: (request?: RawRequest & { readonly port?: number }) => Promise<HttpResponse>;
  /** Where the node looks for Redis; nobody answers there. */
  readonly redisPort: number;
  /** What the node's own endpoint says. */
  readonly metrics: () => Promise<string>;
  /** The API key of the consumer `c`. */
  readonly key: string;
};

/**
 * One field, changed alone: `key` names the resource that has it, `from` and `to` are the two ways it is written, and an observation at
 * a client or an origin is `was` with the one and `is` with the other.
 */
export type FieldCase = {
  /** Descriptor names without `sluice.config.v1.`; parents may be named with their only way to be set. */
  readonly proves: readonly string[];
  readonly key: `${string}/${string}`;
  readonly from: Written;
  readonly to: Written;
  /** Other resources; the service `s` at the origin and the route `r` of every path to it are there unless named. */
  readonly others?: Readonly<Record<`${string}/${string}`, Written>>;
  readonly observe: (world: World) => Promise<unknown>;
  readonly was: unknown;
  readonly is: unknown;
  /** The field is one that is never shown. */
  readonly isSecret?: true;
};

export async function ask(port: number, request: RawRequest = {}): Promise<HttpResponse> {
  const client = await connectRaw(port);
  try {
    return await client.request(request, 15_000);
  } finally {
    client.end();
  }
}

/** The statuses of so many requests, one after the other. */
export async function statuses({ ask: send }: World, count: number, request: RawRequest = {}): Promise<number[]> {
  const all: number[] = [];
  for (let index = 0; index < count; index++) all.push((await send(request)).status);
  return all;
}

export async function elapsedMs(run: () => Promise<unknown>): Promise<number> {
  const since = performance.now();
  await run();
  return performance.now() - since;
}

/**
 * Whether something happens. What is expected to has as long as a slow machine may need; what is not is watched for a time, in which it
 * would have happened ten times with the field's other value. Nothing is asked any more when it returns.
 */
export async function happens(isExpected: boolean, condition: () => unknown, watchMs = 2_000): Promise<boolean> {
  return await waitFor('it happens', condition, { deadlineMs: isExpected ? 30_000 : watchMs }).then(
    () => true,
    () => false,
  );
}

/** Whether a request is answered, on a connection that is gone afterwards. */
export async function isAnswered({ port, expected }: World): Promise<boolean> {
  const client = await connectRaw(port);
  let hasAnswer = false;
  const answer = client.request({}, 40_000).then(
    () => {
      hasAnswer = true;
    },
    () => undefined,
  );
  await happens(expected === true, () => hasAnswer);
  client.reset();
  await answer;
  return hasAnswer;
}

/** An answer that comes in pieces 150 ms apart, 600 ms in all: whole, or cut. */
export const slowAnswer = async ({ ask, origin }: World): Promise<string> => {
  origin.reply = () => ({ body: 'x'.repeat(400), pace: { bytes: 100, everyMs: 150 } });
  return await ask().then(
    ({ body }) => (body.length === 400 ? 'whole' : 'cut'),
    () => 'cut',
  );
};
