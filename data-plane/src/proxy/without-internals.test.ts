/** Where Node has none of the internals that docs/adr/0012 reads by, the proxy works by its streams alone. */
import { beforeEach, expect, test, vi } from 'vitest';
import { eventually, settled } from './testing/eventually.ts';
import { simple } from './testing/manifests.ts';
import { ProxyRig } from './testing/proxy-rig.ts';

/** Before the proxy is loaded, which asks once. */
const refused = vi.hoisted(() => {
  const names: string[] = [];
  (process as unknown as { binding: (name: string) => never }).binding = (name) => {
    names.push(name);
    throw new Error(`No such module: ${name}`);
  };
  return names;
});

const SIZE = 32 * 1024 * 1024;
let rig: ProxyRig;

beforeEach(async () => {
  rig = await ProxyRig.start(simple({ bodyBytes: '50MiB' }));
  return () => rig[Symbol.asyncDispose]();
});

test('they are asked for and not there', () => {
  expect(refused).toEqual(['stream_wrap']);
});

test('small messages, pipelined and in pieces, go over connections that are kept', async () => {
  const client = await rig.connect();
  client.send(
    `${'GET /a HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(2)}POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo`,
  );
  const upstream = await rig.origin.accept();
  for (let i = 0; i < 2; i++) {
    expect(await upstream.takeHead()).toMatch(/^GET \/a /);
    upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    expect((await client.takeMessage()).body).toBe('ok');
  }
  client.send('dy');
  await upstream.takeHead();
  expect(await upstream.takeBytes(4)).toBe('body');
  upstream.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n');
  expect(await client.take('0\r\n\r\n')).toContain('\r\n\r\n2\r\nok\r\n0\r\n\r\n');
  expect(rig.origin.connections.length).toBe(1);
});

test('large bodies pass both ways, and who does not read holds up who sends', async () => {
  const client = await rig.connect();
  client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${SIZE}\r\n\r\n`);
  const upstream = await rig.origin.acceptRequest();
  upstream.pause();
  client.send(Buffer.alloc(SIZE, 'u'));
  expect(await settled(() => client.unsent)).toBeGreaterThan(0);
  upstream.resume();
  expect(await upstream.takeBytes(SIZE)).toBe('u'.repeat(SIZE));
  client.pause();
  upstream.send(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`);
  upstream.send(Buffer.alloc(SIZE, 'd'));
  expect(await settled(() => upstream.unsent)).toBeGreaterThan(0);
  client.resume();
  await client.takeHead();
  expect(await client.takeBytes(SIZE)).toBe('d'.repeat(SIZE));
});

test('ends and resets of either side are noticed', async () => {
  const client = await rig.connect();
  client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  const upstream = await rig.origin.acceptRequest();
  upstream.send('HTTP/1.1 200 OK\r\n\r\nuntil the end');
  upstream.end();
  expect(await client.take('\r\n0\r\n\r\n')).toContain('until the end');
  client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  (await rig.origin.accept()).reset();
  expect(await client.takeHead()).toMatch(/^HTTP\/1.1 502 /);
  const gone = await rig.connect();
  gone.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  const asked = await rig.origin.acceptRequest();
  gone.reset();
  await eventually(() => asked.ending !== 'open', 'the end of a request that nobody waits for');
  expect(rig.bugs).toEqual([]);
});
