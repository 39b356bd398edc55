import { once } from 'node:events';
import { connect } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type HttpMessage, HttpReader, statusOf } from '../harness/http-message.ts';
import type { LostTime } from '../harness/lost-time.ts';
import { idOf, type SmugglingCase } from './case.ts';
import { hostileSplits } from './corpus.ts';

/** `raw`: in one write. `split`: cut at hostile points. `behind`: in one write with a clean request before it. */
export type Mode = 'raw' | 'split' | 'behind';

/** What came back of one case. */
export type Outcome = {
  readonly id: string;
  /** Of the final answers to the case itself. */
  readonly statuses: readonly number[];
  /**
   * `closed`: by the peer, within a second of the last answer, and what the machine took meanwhile. `kept`: the connection carried
   * another request, which was answered as itself. `waiting`: the peer waits for more of the message. Anything else says what was wrong.
   */
  readonly ended: string;
};

const ANSWER_MS = 2000;
const CLOSE_MS = 1000;
/** How many times as long again a machine with other work may make them. */
const MOST_LOST = 3;

/** Sends one case on a connection of its own and reads what becomes of it. `clock`: what the machine takes makes nobody late. */
export async function sendCase(
  port: number,
  one: SmugglingCase,
  index: number,
  mode: Mode,
  clock: LostTime,
): Promise<Outcome> {
  const id = idOf(index);
  const client = await open(port, clock);
  const statuses: number[] = [];
  const outcome = (ended: string): Outcome => ({ id, statuses, ended });
  try {
    const first = `GET /c/${id}/first HTTP/1.1\r\nHost: h\r\n\r\n`;
    await client.write(mode === 'behind' ? first + one.bytes : one.bytes, mode === 'split' ? hostileSplits(one) : []);
    if (mode === 'behind') {
      const answer = await client.final(ANSWER_MS);
      if (answer?.header('x-target') !== `/c/${id}/first`) return outcome('the request before it was not answered');
    }
    for (;;) {
      const answer = await client.final(ANSWER_MS);
      if (answer === undefined) return outcome(client.closed() ? 'closed without an answer' : 'waiting');
      statuses.push(statusOf(answer));
      if (/\bclose\b/i.test(answer.header('connection') ?? '')) break;
      // As many answers as there may be requests: nothing is left, so the next request must be answered as itself.
      if (statuses.length >= one.most) return outcome(await askNext(client, id, statuses));
    }
    return outcome(await closesInTime(client, statuses));
  } finally {
    client.destroy();
  }
}

async function askNext(client: Client, id: string, statuses: number[]): Promise<string> {
  const target = `/s/${id}`;
  await client.write(`GET ${target} HTTP/1.1\r\nHost: h\r\n\r\n`, []);
  for (;;) {
    const answer = await client.final(ANSWER_MS);
    if (answer === undefined)
      return client.closed() ? 'closed, and did not say so' : 'the request behind it was not answered';
    if (answer.header('x-target') === target) return 'kept';
    statuses.push(statusOf(answer));
    if (/\bclose\b/i.test(answer.header('connection') ?? '')) return closesInTime(client, statuses);
  }
}

async function closesInTime(client: Client, statuses: number[]): Promise<string> {
  const more = await client.final(CLOSE_MS);
  if (more !== undefined) {
    statuses.push(statusOf(more));
    return 'answered after its last answer';
  }
  return client.closed() ? 'closed' : 'open a second after its last answer';
}

type Client = Awaited<ReturnType<typeof open>>;

async function open(port: number, clock: LostTime) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  const reader = new HttpReader({ kind: 'response' });
  const answers: HttpMessage[] = [];
  let closed = false;
  let wake: () => void = () => undefined;
  socket.on('data', (bytes: Buffer) => {
    reader.push(bytes);
    for (let message = reader.take(); message !== undefined; message = reader.take()) {
      if (statusOf(message) >= 200) answers.push(message);
    }
    wake();
  });
  const end = () => {
    closed = true;
    const rest = reader.finish();
    if (rest !== undefined) answers.push(rest);
    wake();
  };
  socket.once('end', end).once('close', end);
  return {
    closed: () => closed,
    destroy: () => void socket.destroy(),
    async write(text: string, offsets: readonly number[]): Promise<void> {
      const cuts = [0, ...offsets, text.length];
      for (const [index, from] of cuts.slice(0, -1).entries()) {
        if (socket.destroyed) return;
        const { promise, resolve } = Promise.withResolvers<void>();
        socket.write(Buffer.from(text.slice(from, cuts[index + 1]), 'latin1'), () => setImmediate(resolve));
        await promise;
      }
    },
    /** The next final answer; undefined where none comes in time or the connection has ended. */
    async final(withinMs: number): Promise<HttpMessage | undefined> {
      const [startedMs, lostBefore] = [clock.elapsedMs(), clock.allow(0)];
      while (answers.length === 0 && !closed) {
        const lostMs = Math.min(clock.allow(0) - lostBefore, MOST_LOST * withinMs);
        const leftMs = withinMs + lostMs - (clock.elapsedMs() - startedMs);
        if (leftMs <= 0) break;
        const { promise, resolve } = Promise.withResolvers<void>();
        const timer = setTimeout(resolve, leftMs);
        wake = resolve;
        await promise;
        clearTimeout(timer);
        // A process that stood still runs its timers before it reads what came meanwhile.
        if (answers.length === 0 && !closed) await nextTurn();
      }
      return answers.shift();
    },
  };
}
