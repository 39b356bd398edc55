/** Whatever clients send, origins receive nothing that could be read in two ways. */
import { readdirSync, readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Gateway, readMetric, startGateway } from '../harness/gateway.ts';
import { watchLostTime } from '../harness/lost-time.ts';
import { type Origin, startOrigin } from '../harness/origin.ts';
import { readCpuMs } from '../harness/process-tree.ts';
import { connectRaw, exchange } from '../harness/raw-client.ts';
import { waitFor, within } from '../harness/wait-for.ts';
import { watchOrigin } from '../harness/watch-origin.ts';
import { type SmugglingForm, smugglingForms } from './smuggling-corpus.ts';

/**
 * Little more than a worker needs: what clients could make it hold for long would end it, and collecting garbage late
 * cannot pass for a leak.
 */
const tightHeap = '--max-old-space-size=40 --max-semi-space-size=4';

/** In all, of requests that their clients give up. */
const aborts = Number(process.env.SLUICE_ABORTS ?? 1_000);

let origin: Origin;
/** Has only requests that are given up, so that no connection to it is kept. */
let forsaken: Origin;
let gateway: Gateway;

beforeAll(async () => {
  origin = await startOrigin();
  forsaken = await startOrigin();
  gateway = await startGateway({
    node: { env: { NODE_OPTIONS: tightHeap } },
    manifest: `
kind: Listener
name: http
spec: { address: "127.0.0.1:80", limits: { headerTimeout: 10s } }
---
kind: Service
name: s
spec: { endpoints: [{ address: "${origin.address}" }] }
---
kind: Service
name: forsaken
spec: { endpoints: [{ address: "${forsaken.address}" }] }
---
kind: Route
name: abort
spec: { match: [{ path: { prefix: /abort } }], service: forsaken, timeout: 20s }
---
kind: Route
name: all
spec: { match: [{ path: { prefix: / } }], service: s, timeout: 20s }
`,
  });
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await origin[Symbol.asyncDispose]();
  await forsaken[Symbol.asyncDispose]();
});

/** What the origin has got since this was called: whole messages, faults, and bytes. */
function watch(): () => { messages: string[]; faults: readonly string[]; bytes: number } {
  const seen = watchOrigin(origin);
  return () => {
    const { requests, faults, bytes } = seen();
    const messages = requests.map(({ method, target, body }) => `${method} ${target} ${body.toString('latin1')}`);
    return { messages, faults, bytes };
  };
}

/** Another client, on a connection of its own, gets the answer to its own request. */
async function expectUnharmed(): Promise<void> {
  await using client = await connectRaw(gateway.node.port);
  const { status, body } = await client.request({ target: '/victim' });
  expect([status, JSON.parse(body.toString())]).toEqual([200, { method: 'GET', target: '/victim' }]);
}

describe('a form of smuggling', () => {
  const inPieces = (length: number) => Array.from({ length: length - 1 }, (_, i) => i + 1);

  const refusedForms = smugglingForms.filter(({ verdict }) => 'refused' in verdict);

  async function expectRefused({ bytes, verdict }: SmugglingForm, offsets: number[]): Promise<void> {
    const { refused } = verdict as { refused: number };
    await using client = await connectRaw(gateway.node.port);
    await client.writeSplit(bytes, offsets);
    const answer = await client.read();
    expect([answer.status, answer.header('connection')]).toEqual([refused, 'close']);
    expect(answer.header('content-type')).toBe('application/problem+json');
    using clock = watchLostTime();
    await within('the connection is closed', client.closed);
    expect(clock.elapsedMs()).toBeLessThan(clock.allow(1_000));
    expect(client.received().length).toBe(answer.raw.length);
  }

  test.each(refusedForms)('$name is refused, the connection closed, and nothing reaches the origin', async (form) => {
    const seen = watch();
    await expectRefused(form, []);
    expect(seen()).toEqual({ messages: [], faults: [], bytes: 0 });
  });

  // A body that comes byte by byte shows what is wrong with it when its head is on its way already. Since that head may come late,
  // all that come whole go first.
  test.each(refusedForms)('$name byte by byte is refused, and no message of it reaches the origin', async (form) => {
    const seen = watch();
    await expectRefused(form, inPieces(form.bytes.length));
    expect(seen()).toMatchObject({ messages: [], faults: [] });
  });

  test.each(smugglingForms.filter(({ verdict }) => 'forwarded' in verdict))(
    '$name: the origin gets what it means, and no more',
    async ({ bytes, verdict }) => {
      const { forwarded } = verdict as { forwarded: readonly string[] };
      for (const offsets of [[], inPieces(bytes.length)]) {
        const seen = watch();
        await using client = await connectRaw(gateway.node.port);
        await client.writeSplit(bytes, offsets);
        for (const _ of forwarded) {
          let { status } = await client.read();
          while (status === 100) ({ status } = await client.read());
          expect(status).toBe(200);
        }
        const { messages, faults } = seen();
        expect({ messages: messages.sort(), faults }).toEqual({ messages: forwarded.toSorted(), faults: [] });
        await expectUnharmed();
      }
    },
  );
});

test.each(['/f%2fg', '/f%5cg', '/f\\g', '/f%00', '/f%', '/f%zz', '/../%2e%2e%2ff'])(
  'a path of two meanings is refused, and the connection closed: %j',
  async (target) => {
    const seen = watch();
    await using client = await connectRaw(gateway.node.port);
    expect((await client.request({ target })).status).toBe(400);
    expect(seen().bytes).toBe(0);
    using clock = watchLostTime();
    await within('the connection is closed', client.closed);
    expect(clock.elapsedMs()).toBeLessThan(clock.allow(1_000));
  },
);

describe('a request that is too large', () => {
  const head = 'GET /f HTTP/1.1\r\nHost: h\r\n';

  test.each([
    ['a target of 64 KiB', `GET /${'a'.repeat(65_536)} HTTP/1.1\r\nHost: h\r\n\r\n`, 414],
    ['a block of headers of 1 MB', `${head}${`X: ${'a'.repeat(996)}\r\n`.repeat(1_000)}\r\n`, 431],
    ['a header of 1 MB', `${head}X: ${'a'.repeat(1 << 20)}\r\n\r\n`, 431],
    ['10,000 headers', `${head}${'X: a\r\n'.repeat(10_000)}\r\n`, 431],
    ['a header name of 1 MB', `${head}${'a'.repeat(1 << 20)}: a\r\n\r\n`, 431],
  ])('%s is refused, and nothing of it reaches the origin', async (_, bytes, status) => {
    const seen = watch();
    const answer = (await exchange(gateway.node.port, bytes)).toString('latin1');
    expect(answer.slice(0, 12)).toBe(`HTTP/1.1 ${status}`);
    expect(answer.split('HTTP/1.1 ')).toHaveLength(2);
    expect(seen().bytes).toBe(0);
    await expectUnharmed();
  });

  test('10,000 headers byte by byte are refused at the first beyond the limit', async () => {
    const seen = watch();
    await using client = await connectRaw(gateway.node.port);
    const bytes = `${head}${'X: a\r\n'.repeat(10_000)}\r\n`;
    let sent = 0;
    while (client.isOpen() && client.received().length === 0) {
      await client.writeSplit(
        bytes.slice(sent, sent + 60),
        Array.from({ length: 59 }, (_, i) => i + 1),
      );
      sent += 60;
    }
    expect((await client.read()).status).toBe(431);
    expect(sent).toBeLessThan(2_000);
    expect(seen().bytes).toBe(0);
  });

  test('costs in proportion to its bytes, also where they come one by one', async () => {
    const pid = gateway.node.process().pid;
    const costOf = async (fieldBytes: number): Promise<number> => {
      const before = readCpuMs(pid);
      for (let round = 0; round < 4; round++) {
        const bytes = `${head}X: ${'a'.repeat(fieldBytes)}\r\n\r\n`;
        await using client = await connectRaw(gateway.node.port);
        await client.writeSplit(
          bytes,
          Array.from({ length: bytes.length - 1 }, (_, i) => i + 1),
        );
        expect((await client.read()).status).toBe(200);
      }
      return readCpuMs(pid) - before;
    };
    await costOf(1_000);
    const [small, large] = [await costOf(5_000), await costOf(20_000)];
    expect(large).toBeLessThan(small * 4 * 2.5 + 40);
  });

  test('names that mean something in JavaScript are only names', async () => {
    const seen = watch();
    await using client = await connectRaw(gateway.node.port);
    const names = ['__proto__', 'constructor', 'hasOwnProperty', 'toString', '12345', '0', 'length'];
    const headers = names.map((name) => [name, 'v'] as const);
    expect((await client.request({ target: '/__proto__/constructor', headers })).status).toBe(200);
    expect(seen().faults).toEqual([]);
    const received = origin.requests.at(-1)!;
    expect(received.target).toBe('/__proto__/constructor');
    // Underscores do not make it a name that the gateway acts on.
    expect(received.headers.filter(([, value]) => value === 'v').map(([name]) => name)).toEqual(names);
  });
});

describe(`${aborts} requests that their clients give up`, () => {
  const ways = {
    'within the body on its way up': async () => {
      const client = await connectRaw(gateway.node.port);
      client.write('POST /abort HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n');
      client.write(Buffer.alloc(20_000, 'u'));
      return client;
    },
    'before the first byte of the answer': async () => {
      const client = await connectRaw(gateway.node.port);
      client.send({ target: '/abort/silent' });
      return client;
    },
    'within the answer': async () => {
      const client = await connectRaw(gateway.node.port);
      client.send({ target: '/abort/large' });
      await waitFor('the answer begins', () => client.received().length > 0, { everyMs: 1 });
      return client;
    },
  };

  test('end at the origin within a second, count as 499, and leave nothing behind', { timeout: 300_000 }, async () => {
    const { node } = gateway;
    const { pid } = node.process();
    const large = Buffer.alloc(1 << 20, 'd');
    forsaken.reply = async ({ target, aborted }) => {
      if (target === '/abort/silent') await new Promise((resolve) => aborted.addEventListener('abort', resolve));
      return { body: large, cut: { after: 65_536, how: 'hang' } };
    };
    const abortSome = async (count: number): Promise<void> => {
      for (let done = 0; done < count; done += 48) {
        const clients = await Promise.all(Object.values(ways).flatMap((way) => Array.from({ length: 16 }, way)));
        await waitFor(
          'all requests are on their way',
          async () => (await readMetric(node, 'gateway_active_requests')) === clients.length,
          { everyMs: 5 },
        );
        for (const [index, client] of clients.entries()) {
          if (index % 2 === 0) client.reset();
          else client.end();
        }
        using clock = watchLostTime();
        await waitFor('every request ends at the origin', () => forsaken.open() === 0);
        expect(clock.elapsedMs()).toBeLessThan(clock.allow(1_000));
      }
    };
    const rest = async () => {
      await waitFor('no request and no connection is left', async () => {
        const [requests, connections] = await Promise.all(
          ['gateway_active_requests', 'gateway_active_connections'].map((name) => readMetric(node, name)),
        );
        return requests === 0 && connections === 0;
      });
      return { sockets: countSockets(pid), rss: readRssBytes(pid) };
    };
    // The first rounds fill pools, caches and compiled code.
    await abortSome(240);
    const counted = await readMetric(node, 'gateway_requests_total', 'status="499"');
    const before = await rest();
    await abortSome(aborts);
    const after = await rest();
    expect(after.sockets).toBeLessThanOrEqual(before.sockets);
    expect(after.rss - before.rss).toBeLessThan(24 << 20);
    expect((await readMetric(node, 'gateway_requests_total', 'status="499"')) - counted).toBe(
      Math.ceil(aborts / 48) * 48,
    );
    await waitFor('the process rests', async () => {
      const cpuBefore = readCpuMs(pid);
      const since = performance.now();
      await new Promise((resolve) => setTimeout(resolve, 500));
      return (readCpuMs(pid) - cpuBefore) / (performance.now() - since) < 0.2;
    });
  });
});

function countSockets(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

function readRssBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))![1]) * 1024;
}
