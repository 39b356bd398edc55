import { describe, expect, test } from 'vitest';
import { manifestsOf, route, service } from '../testing/manifests.ts';
import { ProxyRig } from '../testing/proxy-rig.ts';
import { RawOrigin } from '../testing/raw-origin.ts';
import { exposed } from '../testing/request-counts.ts';

const GET = 'GET /a?b=1 HTTP/1.1\r\nHost: a\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const post = (body: string, head = '') =>
  `POST / HTTP/1.1\r\nHost: a\r\n${head}Content-Length: ${body.length}\r\n\r\n${body}`;

/** A route whose requests are copied to an origin of its own, which the test plays as well. */
class MirrorRig implements AsyncDisposable {
  readonly rig: ProxyRig;
  readonly mirror: RawOrigin;

  constructor(rig: ProxyRig, mirror: RawOrigin) {
    this.rig = rig;
    this.mirror = mirror;
  }

  static async start({ percent = 100, shadow = {}, spec = {} } = {}): Promise<MirrorRig> {
    const mirror = await RawOrigin.start();
    const mirrored = service({ endpoints: [{ address: mirror.address }], ...shadow }, 'shadow');
    const copied = route({ mirror: { service: 'shadow', percent }, ...spec });
    const rig = await ProxyRig.start(manifestsOf(service(), mirrored, copied));
    rig.origin.answer(() => OK);
    return new MirrorRig(rig, mirror);
  }

  /** Sends a request on a connection of its own, which is to be answered by the service. */
  async ask(request: string): Promise<void> {
    const client = await this.rig.connect();
    client.send(request);
    expect((await client.takeMessage()).body).toBe('ok');
    client.destroy();
  }

  copies(result: 'answered' | 'failed' | 'dropped'): number {
    const line = `gateway_mirrored_requests_total{service="shadow",result="${result}"} `;
    return Number(new RegExp(`^${line.replace(/[{}]/g, '\\$&')}(\\d+)$`, 'm').exec(exposed(this.rig))?.[1] ?? 0);
  }

  async counted(result: 'answered' | 'failed' | 'dropped', count: number): Promise<void> {
    await expect.poll(() => this.copies(result)).toBe(count);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.rig[Symbol.asyncDispose]();
    await this.mirror.close();
  }
}

describe('a copy of a request', () => {
  test("is the request as the service gets it, and its answer is nobody's", async () => {
    await using it = await MirrorRig.start();
    const seen: string[] = [];
    it.rig.origin.answer((head, body) => {
      seen.push(head + body);
      return OK;
    });
    it.mirror.answer((head, body) => {
      seen.push(head + body);
      return 'HTTP/1.1 500 No\r\nContent-Length: 5\r\nx-shadow: 1\r\n\r\nwrong';
    });
    for (const [index, request] of [GET, post('abc'), post('x'.repeat(100_000))].entries()) {
      await it.ask(request);
      await it.counted('answered', index + 1);
    }
    const requests = Map.groupBy(seen, (text) => text);
    expect([...requests.values()].map(({ length }) => length)).toEqual([2, 2, 2]);
    // Used again as long as it is good.
    expect(it.mirror.connections).toHaveLength(1);
  });

  test('has a body in chunks as one in chunks', async () => {
    await using it = await MirrorRig.start();
    await it.ask('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n');
    const copy = await it.mirror.accept();
    expect(await copy.takeHead()).toContain('Transfer-Encoding: chunked\r\n');
    expect(await copy.take('0\r\n\r\n')).toBe('3\r\nabc\r\n0\r\n\r\n');
  });

  test('is sent when all of its request has come, and not where that breaks off', async () => {
    await using it = await MirrorRig.start();
    const client = await it.rig.connect();
    const broken = await it.rig.connect();
    const request = post('x'.repeat(1_000));
    broken.send(request.slice(0, -500));
    client.send(request.slice(0, -500));
    await expect.poll(() => it.rig.origin.connections.length).toBe(2);
    broken.reset();
    await it.counted('dropped', 1);
    expect(it.mirror.connections).toHaveLength(0);
    client.send(request.slice(-500));
    expect((await client.takeMessage()).body).toBe('ok');
    const copy = await it.mirror.accept();
    await copy.takeHead();
    expect(await copy.takeBytes(1_000)).toBe('x'.repeat(1_000));
  });

  test('has a body up to 256 KiB', async () => {
    await using it = await MirrorRig.start();
    it.mirror.answer(() => OK);
    await it.ask(post('x'.repeat(256 * 1024)));
    await it.counted('answered', 1);
    await it.ask(post('x'.repeat(256 * 1024 + 1)));
    await it.counted('dropped', 1);
    expect(it.copies('answered')).toBe(1);
  });

  test('is made of its share', async () => {
    await using it = await MirrorRig.start({ percent: 0 });
    await it.ask(GET);
    expect(it.mirror.connections).toHaveLength(0);
    await using half = await MirrorRig.start({ percent: 50 });
    half.mirror.answer(() => OK);
    const client = await half.rig.connect();
    for (let i = 0; i < 400; i++) {
      client.send(GET);
      await client.takeMessage();
    }
    await expect.poll(() => half.copies('answered') + half.copies('dropped')).toBeGreaterThan(110);
    // Nine standard deviations to either side.
    expect(half.copies('answered') + half.copies('dropped')).toBeLessThan(290);
  });

  test('waits for no connection', async () => {
    await using it = await MirrorRig.start({ shadow: { connections: { perEndpoint: 2 } } });
    for (let i = 0; i < 3; i++) await it.ask(GET);
    await it.counted('dropped', 1);
    expect(it.mirror.connections).toHaveLength(2);
  });

  test('is one of 256 under way at most', async () => {
    await using it = await MirrorRig.start({ shadow: { connections: { perEndpoint: 1_000 } } });
    const client = await it.rig.connect();
    for (let i = 0; i < 257; i++) {
      client.send(GET);
      expect((await client.takeMessage()).body).toBe('ok');
    }
    await it.counted('dropped', 1);
    await expect.poll(() => it.mirror.connections.length).toBe(256);
  });

  test.each([
    ['is none', 'nonsense\r\n\r\n'],
    ['is broken in its chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'],
    ['switches protocols', 'HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'],
  ])('fails alone where its answer %s', async (_, answer) => {
    await using it = await MirrorRig.start();
    it.mirror.answer(() => answer);
    await it.ask(GET);
    await it.counted('failed', 1);
  });

  test('fails alone where nobody listens, nobody answers, or the connection ends', async () => {
    await using it = await MirrorRig.start({ shadow: { timeout: '100ms' } });
    await it.ask(GET);
    await it.counted('failed', 1);
    it.mirror.onConnection = (peer) => peer.reset();
    await it.ask(GET);
    await it.counted('failed', 2);
    await it.mirror.close();
    await it.ask(GET);
    await it.counted('failed', 3);
  });

  test('of an answer that ends with its connection, or follows interim ones, is answered', async () => {
    await using it = await MirrorRig.start();
    await it.ask(GET);
    const first = await it.mirror.accept();
    await first.takeHead();
    first.send('HTTP/1.1 103 Early Hints\r\n\r\n');
    first.send('HTTP/1.1 200 OK\r\n\r\nuntil the end');
    first.end();
    await it.counted('answered', 1);
  });

  test('is taken of what goes on, after edits of the body', async () => {
    await using it = await MirrorRig.start({ spec: { requestBody: { remove: ['secret'] } } });
    await it.ask(post('{"secret":1}', 'Content-Type: application/json\r\n'));
    const copy = await it.mirror.accept();
    expect(await copy.takeHead()).toContain('Content-Length: 2\r\n');
    expect(await copy.takeBytes(2)).toBe('{}');
  });

  test('delays nothing while its service takes nothing', async () => {
    await using it = await MirrorRig.start();
    it.mirror.onConnection = (peer) => peer.pause();
    const client = await it.rig.connect();
    const body = 'x'.repeat(200_000);
    for (let i = 0; i < 100; i++) {
      client.send(post(body));
      expect((await client.takeMessage()).body).toBe('ok');
    }
    // 16 MiB of bodies are held, in buffers of 256 KiB: the rest is dropped.
    expect(it.copies('dropped')).toBeGreaterThanOrEqual(100 - 84);
  });
});
