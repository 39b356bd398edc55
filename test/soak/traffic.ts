import { setTimeout as pause } from 'node:timers/promises';
import type { Random } from '../fuzz/random.ts';
import type { HttpResponse } from '../harness/http-message.ts';
import { connectRaw, type RawClient, type RawRequest } from '../harness/raw-client.ts';
import { type Asked, wrongWith } from './expect-answer.ts';
import { payload } from './payload.ts';
import { failureKinds } from './soak-origin.ts';

export type TrafficOptions = {
  readonly port: number;
  readonly random: Random;
  /** The secret of a key that the gateway knows. */
  readonly key: string;
  /** The newest state that is surely active, and the newest that may be. */
  readonly states: { readonly active: () => number; readonly begun: () => number };
};

export type Tally = {
  answers: number;
  /** By what was done, such as `pipelined`. */
  readonly kinds: Record<string, number>;
  readonly statuses: Record<string, number>;
  /** A reused connection had ended when the request came: the client could not know. */
  races: number;
  admitted: number;
  readonly wrong: string[];
};

type Kind = (client: ClientRun) => Promise<void>;

/** What the clients do, and how often in proportion. */
const kinds: readonly (readonly [name: string, weight: number, run: Kind])[] = [
  ['kept alive', 6, keptAlive],
  ['closing', 3, closing],
  ['pipelined', 2, pipelined],
  ['chunked upload', 2, chunkedUpload],
  ['large answer', 2, largeAnswer],
  ['slow reader', 1, slowReader],
  ['slow upload', 1, slowUpload],
  ['gone before an answer', 1, goneBefore],
  ['gone in the upload', 1, goneInUpload],
  ['gone in the answer', 1, goneInAnswer],
  ['with a key', 2, withKey],
  ['limited', 2, limited],
  ['failing upstream', 2, failing],
];
const drawn = kinds.flatMap((kind) => Array.from({ length: kind[1] }, () => kind));

const ANSWER_WITHIN_MS = 60_000;
const MAX_WRONG = 100;

export function newTally(): Tally {
  return { answers: 0, kinds: {}, statuses: {}, races: 0, admitted: 0, wrong: [] };
}

/** Clients that go on, each doing one thing after the other, until they are told to stop. Resolves when all have. */
export async function runTraffic(
  clients: number,
  options: TrafficOptions,
  tally: Tally,
  stopped: () => boolean,
): Promise<void> {
  const run = async (client: number): Promise<void> => {
    for (let turn = 0; !stopped(); turn++) {
      const [name, , act] = options.random.pick(drawn);
      tally.kinds[name] = (tally.kinds[name] ?? 0) + 1;
      try {
        await act(new ClientRun(`${client}-${turn}`, options, tally));
      } catch (error) {
        report(tally, `${name}: ${error instanceof Error ? error.message : String(error)}`);
      }
      await pause(options.random.int(20));
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, client) => run(client)));
}

function report(tally: Tally, what: string): void {
  if (tally.wrong.length < MAX_WRONG) tally.wrong.push(what);
}

/** One thing that a client does. */
class ClientRun {
  readonly random: Random;
  readonly options: TrafficOptions;
  readonly tally: Tally;
  readonly #name: string;
  #requests = 0;

  constructor(name: string, options: TrafficOptions, tally: Tally) {
    this.#name = name;
    this.random = options.random;
    this.options = options;
    this.tally = tally;
  }

  connect(): Promise<RawClient> {
    return connectRaw(this.options.port);
  }

  /** A request for so many bytes, and what must come back. */
  ask(bytes: number, request: RawRequest = {}): { readonly request: RawRequest; readonly asked: Asked } {
    const id = `${this.#name}-${this.#requests++}`;
    const { states } = this.options;
    const sentBody = Buffer.from(request.body ?? '');
    const headers = { 'x-soak-id': id, 'x-soak-size': String(bytes), ...(request.headers as Record<string, string>) };
    return {
      request: { target: '/ok/plain', ...request, headers },
      asked: { id, sentBody, bytes, states: { from: states.active(), to: states.begun } },
    };
  }

  body(bytes: number): Buffer {
    return payload(`sent ${this.#name}`, bytes);
  }

  /** Reads the answer and holds it against what was asked. */
  async check(client: RawClient, asked: Asked): Promise<HttpResponse> {
    const response = await client.read(ANSWER_WITHIN_MS);
    this.count(response.status);
    const wrong = wrongWith(response, asked);
    if (wrong !== undefined) report(this.tally, wrong);
    return response;
  }

  count(status: number): void {
    this.tally.answers++;
    this.tally.statuses[status] = (this.tally.statuses[status] ?? 0) + 1;
  }

  wrong(what: string): void {
    report(this.tally, what);
  }
}

async function keptAlive(run: ClientRun): Promise<void> {
  let client = await run.connect();
  for (let n = 0; n < 10; n++) {
    const posts = run.random.oneIn(3);
    const { request, asked } = run.ask(
      run.random.int(2_000),
      posts ? { method: 'POST', body: run.body(run.random.int(3_000)) } : {},
    );
    client.send(request);
    let last = true;
    try {
      last = /close/i.test((await run.check(client, asked)).header('connection') ?? '');
    } catch (error) {
      if (n === 0 || client.isOpen()) throw error;
      run.tally.races++;
    }
    await pause(run.random.int(10));
    if (last || !client.isOpen()) {
      client.end();
      client = await run.connect();
    }
  }
  client.end();
}

async function closing(run: ClientRun): Promise<void> {
  await using client = await run.connect();
  const { request, asked } = run.ask(run.random.int(5_000), { headers: { connection: 'close' } });
  client.send(request);
  await run.check(client, asked);
  await client.closed;
}

async function pipelined(run: ClientRun): Promise<void> {
  await using client = await run.connect();
  const all = Array.from({ length: 5 }, (_, n) =>
    run.ask(run.random.int(4_000), n === 4 ? { headers: { connection: 'close' } } : {}),
  );
  for (const { request } of all) client.send(request);
  for (const [n, { asked }] of all.entries()) {
    try {
      await run.check(client, asked);
    } catch (error) {
      // Told `Connection: close`, the rest was sent for nothing: RFC 9112, 9.3.2.
      if (n === 0) throw error;
      return;
    }
  }
}

async function chunkedUpload(run: ClientRun): Promise<void> {
  await using client = await run.connect();
  const body = run.body(1_000 + run.random.int(200_000));
  const { request, asked } = run.ask(500);
  client.write(headOf(request, 'POST', 'transfer-encoding: chunked'));
  for (let at = 0; at < body.length; at += 20_000) {
    const part = body.subarray(at, at + 20_000);
    client.write(Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')]));
    await pause(1);
  }
  client.write('0\r\n\r\n');
  await run.check(client, { ...asked, sentBody: body });
}

async function largeAnswer(run: ClientRun): Promise<void> {
  await using client = await run.connect();
  const target = run.random.oneIn(2) ? '/ok/chunked' : '/ok/plain';
  const { request, asked } = run.ask(200_000 + run.random.int(800_000), { target });
  client.send(request);
  await run.check(client, asked);
}

async function slowReader(run: ClientRun): Promise<void> {
  await using client = await run.connect();
  const { request, asked } = run.ask(1_500_000);
  client.send(request);
  client.pause();
  for (let n = 0; n < 5; n++) {
    await pause(60);
    client.resume();
    await pause(2);
    client.pause();
  }
  client.resume();
  await run.check(client, asked);
}

async function slowUpload(run: ClientRun): Promise<void> {
  await using client = await run.connect();
  const body = run.body(1_000);
  const { request, asked } = run.ask(100);
  client.write(headOf(request, 'PUT', `content-length: ${body.length}`));
  for (let at = 0; at < body.length; at += 200) {
    await pause(40);
    client.write(body.subarray(at, at + 200));
  }
  await run.check(client, { ...asked, sentBody: body });
}

async function goneBefore(run: ClientRun): Promise<void> {
  await using client = await run.connect();
  client.send(run.ask(100, { target: '/fail/tooSlow' }).request);
  await pause(run.random.int(30));
  client.reset();
}

async function goneInUpload(run: ClientRun): Promise<void> {
  await using client = await run.connect();
  client.write(headOf(run.ask(100).request, 'POST', 'content-length: 100000'));
  client.write(run.body(30_000));
  await pause(run.random.int(30));
  client.reset();
}

async function goneInAnswer(run: ClientRun): Promise<void> {
  await using client = await run.connect();
  client.send(run.ask(2_000_000).request);
  client.pause();
  await pause(run.random.int(60));
  client.reset();
}

async function withKey(run: ClientRun): Promise<void> {
  await using client = await run.connect();
  const known = !run.random.oneIn(3);
  const key = known ? run.options.key : `sl_${'0'.repeat(40)}`;
  const { request, asked } = run.ask(300, { target: '/key', headers: { 'x-api-key': key } });
  client.send(request);
  if (known) {
    await run.check(client, asked);
    return;
  }
  const { status } = await client.read(ANSWER_WITHIN_MS);
  run.count(status);
  if (status !== 401) run.wrong(`a key that is none was answered with ${status}`);
}

async function limited(run: ClientRun): Promise<void> {
  await using client = await run.connect();
  const { request } = run.ask(10, { target: '/limited' });
  client.send(request);
  const { status, header } = await client.read(ANSWER_WITHIN_MS);
  run.count(status);
  if (status === 200) run.tally.admitted++;
  else if (status !== 429 || header('retry-after') === undefined) run.wrong(`a limited request got ${status}`);
}

async function failing(run: ClientRun): Promise<void> {
  await using client = await run.connect();
  const kind = run.random.pick(failureKinds);
  client.send(run.ask(40_000, { target: `/fail/${kind}` }).request);
  const inBody = kind === 'resetInBody' || kind === 'shortLength' || kind === 'truncatedChunk';
  const answer = await client.read(ANSWER_WITHIN_MS).catch((error: Error) => {
    if (inBody && !client.isOpen()) return undefined;
    throw error;
  });
  if (answer === undefined) return;
  run.count(answer.status);
  const expected = { status: 503, tooSlow: 504, resetBeforeHead: 502, resetInHead: 502 }[kind as string];
  // Where the node was stopped meanwhile, any of them is too slow.
  if (answer.status === 504) return;
  if (inBody ? !answer.truncated || answer.status !== 200 : answer.status !== expected) {
    run.wrong(`${kind} came to the client as ${answer.status}, ${answer.truncated ? 'cut' : 'whole'}`);
  }
}

function headOf({ target, headers }: RawRequest, method: string, framing: string): string {
  const lines = Object.entries(headers as Record<string, string>).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${target} HTTP/1.1\r\nhost: soak\r\n${lines.join('')}${framing}\r\n\r\n`;
}
