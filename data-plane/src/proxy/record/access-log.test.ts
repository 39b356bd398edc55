import { describe, expect, test } from 'vitest';
import { MAX_LINE_BYTES } from '../../shared/index.ts';
import { jsonText } from '../body/json-text.ts';
import { eventually } from '../testing/eventually.ts';
import { OK } from '../testing/failing-upstreams.ts';
import { manifestsOf, route, service, simple } from '../testing/manifests.ts';
import { ProxyRig } from '../testing/proxy-rig.ts';
import { exposed } from '../testing/request-counts.ts';
import { type Line, takeLines } from '../testing/ring-lines.ts';

const ALL = { accessLog: { sample: 1 } };
const ERRORS = { accessLog: { errors: true } };

const lines = ({ shared }: ProxyRig) => takeLines(shared.region.accessLog[0]!);

async function start(manifests: string, answer = OK): Promise<ProxyRig> {
  const rig = await ProxyRig.start(manifests);
  rig.origin.answer(() => answer);
  return rig;
}

async function ask(rig: ProxyRig, head = 'GET /x HTTP/1.1\r\nHost: a\r\n', body = ''): Promise<string> {
  const client = await rig.connect();
  client.send(`${head}\r\n${body}`);
  return (await client.takeMessage()).head;
}

describe('a line of the access log', () => {
  test('says who asked for what, what he got, from where and how long it took', async () => {
    const keyed = { ...ALL, auth: { anyOf: [{ apiKey: {} }] } };
    await using rig = await start(manifestsOf(service(), { kind: 'Consumer', name: 'app', spec: {} }, route(keyed)));
    rig.addKey('secret', 'app');
    const before = Date.now();
    const head = await ask(
      rig,
      'POST /a/../b?q=1 HTTP/1.1\r\nHost: api.example:80\r\nUser-Agent: test/1\r\nContent-Length: 3\r\nX-API-Key: secret\r\n',
      'abc',
    );
    const [line, ...more] = lines(rig);
    expect(more).toEqual([]);
    const { time, durationMs, upstreamMs, bytesOut, ...rest } = line!;
    expect(rest).toEqual({
      ...{ route: 'all', service: 'svc', endpoint: rig.origin.address },
      ...{ method: 'POST', host: 'api.example', path: '/b', protocol: 'HTTP/1.1', status: 200 },
      ...{ client: '127.0.0.1', consumer: 'app', apiKey: 'key-secret', tries: 1, bytesIn: 3, userAgent: 'test/1' },
      requestId: /x-request-id: (\S+)/.exec(head)![1],
      traceId: /x-trace-id: (\S+)/.exec(head)![1],
    });
    expect(bytesOut).toBe(head.length + 2);
    expect(Date.parse(String(time))).toBeGreaterThanOrEqual(before - 1);
    expect(Number(durationMs)).toBeGreaterThanOrEqual(Number(upstreamMs));
    expect(Number(upstreamMs)).toBeGreaterThan(0);
  });

  test('is there for the share of requests that is asked for', async () => {
    await using rig = await start(simple({ accessLog: { sample: 0.5 } }));
    const client = await rig.connect();
    for (let i = 0; i < 400; i++) {
      client.send('GET /x HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.takeMessage();
    }
    const { length } = lines(rig);
    expect(length).toBeGreaterThan(120);
    expect(length).toBeLessThan(280);
    rig.apply(simple({ accessLog: {} }));
    for (let i = 0; i < 50; i++) {
      client.send('GET /x HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.takeMessage();
    }
    expect(lines(rig)).toEqual([]);
  });

  test('is there for each request that fails, with the code of a refusal, and for no other', async () => {
    const limited = { ...ERRORS, rateLimits: [{ name: 'l', tokenBucket: { requests: 1, per: '1h' } }] };
    await using rig = await start(simple(limited));
    let answer = OK;
    rig.origin.answer(() => answer);
    await ask(rig);
    expect(lines(rig)).toEqual([]);
    await ask(rig);
    const [line] = lines(rig);
    expect(line).toMatchObject({ status: 429, code: 'rate_limited', service: 'svc' });
    expect(line).not.toHaveProperty('endpoint');
    expect(line).not.toHaveProperty('tries');
    answer = 'HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n';
    rig.apply(simple(ERRORS));
    await ask(rig);
    const [answered] = lines(rig);
    expect(answered).toMatchObject({ status: 404, endpoint: rig.origin.address });
    expect(answered).not.toHaveProperty('code');
  });

  test('counts tries, and tells of what was served in their place', async () => {
    const retry = { attempts: 2, on: ['5xx'], backoff: { base: '1ms', max: '1ms' } };
    await using rig = await start(simple({ ...ALL, retry }), 'HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n');
    await ask(rig);
    expect(lines(rig)).toMatchObject([{ status: 503, tries: 3 }]);
    rig.apply(simple({ ...ALL, retry }, { fallback: [{ response: { status: 200, text: 'spare' } }] }));
    await ask(rig);
    expect(lines(rig)).toMatchObject([{ status: 200, tries: 3, fallback: 'response', endpoint: rig.origin.address }]);
  });

  test('says where an answer broke off, and that a client went away', async () => {
    await using rig = await start(simple(ERRORS), 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab');
    rig.origin.onConnection = (peer) => {
      void peer.takeMessage().then(() => {
        peer.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab');
        peer.destroy();
      });
    };
    const client = await rig.connect();
    client.send('GET /x HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually(() => client.closed, 'the client sees the end');
    expect(lines(rig)).toMatchObject([{ status: 502, broken: true, tries: 1 }]);
    rig.origin.onConnection = () => undefined;
    const leaving = await rig.connect();
    leaving.send('GET /x HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually(() => rig.origin.connections.some(({ received }) => received.includes('GET')), 'it is asked');
    leaving.destroy();
    let seen: Line[] = [];
    await eventually(() => {
      seen = lines(rig);
      return seen.length > 0;
    }, 'the line is there');
    expect(seen).toMatchObject([{ status: 499, tries: 1 }]);
  });

  test('tells what a policy in dry run would have refused', async () => {
    const policy = { kind: 'Policy', name: 'p', spec: { mode: 'dryRun', auth: { anyOf: [{ apiKey: {} }] } } };
    await using rig = await start(manifestsOf(service(), policy, route({ ...ALL, policies: ['p'] })));
    await ask(rig);
    expect(lines(rig)).toMatchObject([{ status: 200, dryRun: ['auth'] }]);
  });

  test('of one policy is replaced by a later one, and dropped where that is said', async () => {
    const policy = { kind: 'Policy', name: 'p', spec: ALL };
    const with_ = (spec: object) => manifestsOf(service(), policy, route({ policies: ['p'], ...spec }));
    await using rig = await start(with_({}));
    await ask(rig);
    expect(lines(rig)).toHaveLength(1);
    for (const spec of [{ none: ['accessLog'] }, ERRORS]) {
      rig.apply(with_(spec));
      await ask(rig);
      expect(lines(rig)).toEqual([]);
    }
  });

  test('holds no credential, wherever it was presented', async () => {
    const anyOf = [
      { apiKey: { query: 'key' } },
      { apiKey: { header: 'user-agent' } },
      { apiKey: { cookie: 'session' } },
      { jwt: { issuers: ['sluice'] } },
    ];
    await using rig = await start(simple({ ...ALL, auth: { anyOf } }));
    await ask(
      rig,
      'GET /x?key=hush-1 HTTP/1.1\r\nHost: a\r\nUser-Agent: hush-2\r\nCookie: session=hush-3\r\nAuthorization: Bearer hush-4\r\nReferer: http://a/?key=hush-5\r\n',
    );
    const seen = lines(rig);
    expect(seen).toMatchObject([{ status: 401, code: 'unauthenticated', path: '/x' }]);
    expect(JSON.stringify(seen)).not.toContain('hush');
  });

  test('cannot be forged or torn by what a client sends', async () => {
    await using rig = await start(simple(ALL));
    // Bytes, each read as one character.
    for (const agent of ['"}\\', 'a\t{"status":200}', '\xff\xfe\x80\xc3', 'x'.repeat(256)]) {
      await ask(rig, `GET /%22%7d%0ax HTTP/1.1\r\nHost: a\r\nUser-Agent: ${agent}\r\n`);
      expect(lines(rig)).toMatchObject([{ userAgent: agent, path: '/%22%7D%0Ax' }]);
    }
    await ask(rig, `GET /x HTTP/1.1\r\nHost: a\r\nUser-Agent: ${'x'.repeat(257)}\r\n`);
    expect(lines(rig)).toMatchObject([{ userAgent: `${'x'.repeat(256)}\u2026` }]);
    await ask(rig, `GET /${'a'.repeat(8000)} HTTP/1.1\r\nHost: a\r\n`);
    expect(lines(rig)).toMatchObject([{ path: `/${'a'.repeat(1023)}\u2026` }]);
  });

  test('that finds no room is dropped and counted, and the request goes on', async () => {
    await using rig = await start(simple(ALL));
    while (rig.shared.accessLog.put(`${'x'.repeat(MAX_LINE_BYTES - 1)}\n`));
    expect(await ask(rig)).toContain('200 OK');
    expect(exposed(rig)).toContain('gateway_overflow_total{what="access_log"} 1\n');
  });
});

test('any text is JSON of printable ASCII, and is read back as it was', () => {
  const every = String.fromCharCode(...Array.from({ length: 0x1_00 }, (_, code) => code), 0x2028, 0xd800, 0xffff);
  const text = jsonText(every, 1000);
  expect(text).toMatch(/^[ -~]*$/);
  expect(JSON.parse(text)).toBe(every);
  expect([jsonText('abc', 3), jsonText('abcd', 3)]).toEqual(['"abc"', '"abc\\u2026"']);
});
