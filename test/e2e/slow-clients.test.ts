/** Clients that are slow on purpose, very many of them: what each costs is bounded, all are cut, and others notice nothing. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Gateway, readMetric, startGateway } from '../harness/gateway.ts';
import { startLoad } from '../harness/load.ts';
import { type Origin, startOrigin } from '../harness/origin.ts';
import { connectRaw, type RawClient } from '../harness/raw-client.ts';
import { waitFor } from '../harness/wait-for.ts';

/** Of each kind. */
const clients = Number(process.env.SLUICE_SLOW_CLIENTS ?? 600);
const kib = 1024;
/** What the process takes whatever the number of clients: code that is compiled meanwhile, garbage that is not collected yet. */
const slackBytes = 32 * 1024 * kib;
/** More than the kernel's buffers on the way to a client that reads nothing. */
const largeBytes = 8 * 1024 * kib;

let origin: Origin;
let gateway: Gateway;

beforeAll(async () => {
  const large = Buffer.alloc(largeBytes, 'd');
  origin = await startOrigin(({ target }) => (target === '/large' ? { body: large } : {}));
  gateway = await startGateway({
    node: { workers: 1, env: { NODE_OPTIONS: '--max-old-space-size=128 --max-semi-space-size=8' } },
    manifest: `
kind: Listener
name: http
spec:
  address: "127.0.0.1:80"
  limits: { headerTimeout: 5s, bodyIdleTimeout: 5s, keepAliveTimeout: 5s, connectionsPerClient: 100000 }
---
kind: Service
name: s
spec: { endpoints: [{ address: "${origin.address}" }], connections: { perEndpoint: 10000 } }
---
kind: Route
name: all
spec: { match: [{ path: { prefix: / } }], service: s, timeout: 5s, streamIdleTimeout: 5s }
---
kind: Route
name: good
spec: { match: [{ path: { prefix: /good } }], service: s, timeout: 60s }
`,
  });
  // Pools, caches and compiled code are filled before anything is measured.
  await startLoad({ port: gateway.node.port, connections: 64, total: 5_000 }).done;
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await origin[Symbol.asyncDispose]();
});

type Kind = {
  readonly name: string;
  readonly count: number;
  readonly begin: (client: RawClient) => void;
  readonly drip: (client: RawClient) => void;
  /** What one may cost, in memory that is resident. */
  readonly bytes: number;
  /** How the answer begins that each gets; undefined: it reads none. */
  readonly answer: RegExp | undefined;
};

const kinds: readonly Kind[] = [
  {
    name: 'heads that come byte by byte',
    count: clients,
    begin: (client) => client.write('GET / HTTP/1.1\r\nHost: a\r\nX: '),
    drip: (client) => client.write('a'),
    bytes: 24 * kib,
    answer: /^HTTP\/1\.1 408 /,
  },
  {
    name: 'bodies that come byte by byte',
    count: clients,
    begin: (client) => client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n'),
    drip: (client) => client.write('a'),
    bytes: 64 * kib,
    answer: /^HTTP\/1\.1 408 /,
  },
  {
    name: 'answers that nobody reads',
    // The kernel holds megabytes for each.
    count: Math.ceil(clients / 4),
    begin: (client) => {
      client.pause();
      client.send({ target: '/large' });
    },
    drip: () => undefined,
    bytes: 192 * kib,
    answer: undefined,
  },
];

test.each(kinds)(
  '$count clients, $name: each costs at most $bytes bytes and is cut',
  async ({ count, begin, drip, bytes, answer }) => {
    const { node } = gateway;
    const open = () => readMetric(node, 'gateway_active_connections');
    await waitFor('nobody is connected', async () => (await open()) === 0);
    const rssBefore = readRssBytes();
    await using good = startLoad({
      port: node.port,
      connections: 2,
      rate: 50,
      deadlineMs: 60_000,
      request: () => ({ target: '/good' }),
    });

    const slow: RawClient[] = [];
    const dripping = setInterval(() => {
      for (const client of slow) if (client.isOpen()) drip(client);
    }, 500);
    let [mostOpen, mostBytes] = [0, 0];
    const look = async () => {
      const now = await open();
      mostOpen = Math.max(mostOpen, now);
      mostBytes = Math.max(mostBytes, readRssBytes() - rssBefore);
      return now;
    };
    for (let n = 0; n < count; n += 100) {
      const some = await Promise.all(Array.from({ length: Math.min(100, count - n) }, () => connectRaw(node.port)));
      for (const client of some) begin(client);
      slow.push(...some);
      await look();
    }
    await waitFor('all are cut', async () => (await look()) <= 2, { deadlineMs: 90_000, everyMs: 100 });
    clearInterval(dripping);
    for (const client of slow) client.resume();
    const endings = await Promise.all(slow.map(({ closed }) => closed));

    // Where the machine is so slow that the first are cut before the last have come.
    if (process.env.SLUICE_SLOW_CLIENTS)
      console.log(`${mostOpen} open, ${Math.round(mostBytes / mostOpen / kib)} KiB resident each`);
    expect(mostOpen).toBeGreaterThan(count / 4);
    expect(mostBytes).toBeLessThan(mostOpen * bytes + slackBytes);
    expect(endings).toHaveLength(count);
    for (const client of slow) {
      const received = client.received();
      if (answer === undefined) expect(received.length).toBeLessThan(largeBytes);
      else expect(received.toString('latin1', 0, 20)).toMatch(answer);
    }
    expect(await good.stop()).toMatchObject({ failed: 0, failures: [] });
  },
);

function readRssBytes(): number {
  const status = readFileSync(`/proc/${gateway.node.process().pid}/status`, 'latin1');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) * kib;
}
