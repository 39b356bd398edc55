import { describe, expect, test } from 'vitest';
import { manifestsOf, route, service } from '../testing/manifests.ts';
import { ProxyRig } from '../testing/proxy-rig.ts';
import { RawOrigin } from '../testing/raw-origin.ts';

const CALLERS = 40;

/** Two endpoints, of which one says `a` and the other `b`. */
async function startPair(): Promise<
  AsyncDisposable & { readonly rig: ProxyRig; readonly addresses: readonly string[] }
> {
  const rig = await ProxyRig.start();
  const other = await RawOrigin.start();
  const answer = (name: string) => () => `HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${name}`;
  rig.origin.answer(answer('a'));
  other.answer(answer('b'));
  return {
    rig,
    addresses: [rig.origin.address, other.address],
    async [Symbol.asyncDispose]() {
      await rig[Symbol.asyncDispose]();
      await other.close();
    },
  };
}

/** Who answers each of the callers, one after the other. */
async function ask(rig: ProxyRig, request: (caller: number) => { text: string; from?: string }): Promise<string> {
  let answers = '';
  for (let caller = 0; caller < CALLERS; caller++) {
    const { text, from } = request(caller);
    const client = await rig.connect(from);
    client.send(text);
    answers += (await client.takeMessage()).body;
    client.end();
  }
  return answers;
}

const get = (path: string, lines = '') => `GET ${path} HTTP/1.1\r\nHost: h\r\n${lines}\r\n`;

/** How a request says who its caller is, by each part it may be hashed by. */
const parts: Readonly<Record<string, (caller: string) => { text: string; from?: string }>> = {
  'header:X-User': (caller) => ({ text: get('/', `x-user: ${caller}\r\n`) }),
  'cookie:session': (caller) => ({ text: get('/', `Cookie: a=1; session=${caller}\r\n`) }),
  'query:user': (caller) => ({ text: get(`/?a=1&user=${caller}`) }),
  path: (caller) => ({ text: get(`/${caller}`) }),
  clientIp: (caller) => ({ text: get('/'), from: `127.0.1.${Number(caller) + 1}` }),
  consumer: (caller) => ({ text: get('/', `x-api-key: ${caller}\r\n`) }),
};

describe.each(Object.keys(parts))('by %s', (part) => {
  const say = (caller: number) => parts[part]!(String(caller));
  const auth = { auth: { anyOf: [{ apiKey: { header: 'x-api-key' } }], optional: true } };

  function addConsumers(rig: ProxyRig): void {
    const names = Array.from({ length: CALLERS }, (_, n) => String(n));
    rig.apply(manifestsOf(...names.map((name) => ({ kind: 'Consumer', name: `c-${name}`, spec: {} }))));
    for (const name of names) rig.addKey(name, `c-${name}`);
  }

  test('each caller meets one endpoint, and callers meet both', async () => {
    await using pair = await startPair();
    const { rig, addresses } = pair;
    const endpoints = addresses.map((address) => ({ address }));
    rig.apply(
      manifestsOf(
        service({ endpoints, loadBalancing: { consistentHash: { by: [part] } } }),
        route(part === 'consumer' ? auth : {}),
      ),
    );
    if (part === 'consumer') addConsumers(rig);
    const first = await ask(rig, say);
    expect(new Set(first)).toEqual(new Set('ab'));
    expect(await ask(rig, say)).toBe(first);
  });

  // Neither is a part that keeps a caller on a destination.
  if (part === 'path' || part.startsWith('query')) return;

  test('each caller keeps one destination', async () => {
    await using pair = await startPair();
    const { rig, addresses } = pair;
    const services = addresses.map((address, n) => service({ endpoints: [{ address }] }, `s${n}`));
    const destinations = [{ service: 's0' }, { service: 's1' }];
    rig.apply(
      manifestsOf(
        ...services,
        route({ service: undefined, destinations, stickyBy: [part], ...(part === 'consumer' ? auth : {}) }),
      ),
    );
    if (part === 'consumer') addConsumers(rig);
    const first = await ask(rig, say);
    expect(new Set(first)).toEqual(new Set('ab'));
    expect(await ask(rig, say)).toBe(first);
  });
});

test('what a request does not have, its client’s address stands for', async () => {
  await using pair = await startPair();
  const { rig, addresses } = pair;
  const endpoints = addresses.map((address) => ({ address }));
  const by = ['header:x-user', 'cookie:session', 'consumer'];
  rig.apply(
    manifestsOf(service({ endpoints, loadBalancing: { consistentHash: { by, algorithm: 'maglev' } } }), route()),
  );
  const first = await ask(rig, (caller) => ({ text: get('/'), from: `127.0.1.${caller + 1}` }));
  expect(new Set(first)).toEqual(new Set('ab'));
  expect(await ask(rig, (caller) => ({ text: get('/other'), from: `127.0.1.${caller + 1}` }))).toBe(first);
});

test('a request that is tried again meets the other endpoint', async () => {
  await using pair = await startPair();
  const { rig, addresses } = pair;
  const endpoints = addresses.map((address) => ({ address }));
  rig.apply(
    manifestsOf(
      service({ endpoints, loadBalancing: { consistentHash: { by: ['header:x-user'] } } }),
      route({ retry: { attempts: 1, backoff: { base: '0s', max: '0s' } } }),
    ),
  );
  rig.origin.answer(() => 'HTTP/1.1 503 Unavailable\r\nContent-Length: 1\r\n\r\nx');
  expect(await ask(rig, (caller) => ({ text: get('/', `x-user: ${caller}\r\n`) }))).toBe('b'.repeat(CALLERS));
});
