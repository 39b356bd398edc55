/** What costs others dearly to look at: patterns that backtrack, and JSON made to be slow or to reach into objects. */
import { describe, expect, test } from 'vitest';
import { manifestsOf, route, service, simple } from '../testing/manifests.ts';
import { ProxyRig } from '../testing/proxy-rig.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
/** Far beyond what any of them needs, and nothing beside what a backtracking engine would take: minutes and more. */
const LONG_MS = 500;

/** The status of one request, and the CPU time of this thread until its answer was there. */
async function ask(rig: ProxyRig, request: string): Promise<{ status: string; cpuMs: number }> {
  const client = await rig.connect();
  const started = process.threadCpuUsage();
  client.send(request);
  const { head } = await client.takeMessage();
  const cpuMs = process.threadCpuUsage(started).user / 1e3;
  client.destroy();
  return { status: head.slice(9, 12), cpuMs };
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
const post = (body: string) =>
  `POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

describe('a pattern that backtracks elsewhere', () => {
  test('decides about the longest path in time', async () => {
    await using rig = await ProxyRig.start(
      manifestsOf(
        service(),
        route({ match: [{ path: { regex: '/(a+)+$' } }] }),
        route({ match: [{ path: { regex: '/(x+x+)+y' } }] }, 'b'),
      ),
    );
    rig.origin.answer(() => OK);
    const long = 16 * 1024 - 3;
    for (const [path, status] of [
      [`/${'a'.repeat(long)}`, '200'],
      [`/${'a'.repeat(long - 1)}!`, '404'],
      [`/${'x'.repeat(long)}`, '404'],
      [`/${'a'.repeat(50_000)}!`, '414'],
    ] as const) {
      const answer = await ask(rig, get(path));
      expect(answer.status).toBe(status);
      expect(answer.cpuMs).toBeLessThan(LONG_MS);
    }
  });

  test('decides about 50 KB in a body in time', async () => {
    const schema = { type: 'string', pattern: '^(a+)+$' };
    await using rig = await ProxyRig.start(
      simple({ validation: { requestSchema: { inline: JSON.stringify(schema) } } }),
    );
    rig.origin.answer(() => OK);
    for (const [value, status] of [
      ['a'.repeat(50_000), '200'],
      [`${'a'.repeat(50_000)}!`, '422'],
    ] as const) {
      const answer = await ask(rig, post(JSON.stringify(value)));
      expect(answer.status).toBe(status);
      expect(answer.cpuMs).toBeLessThan(LONG_MS);
    }
  });
});

describe('JSON that is made to be slow', () => {
  const many = (name: (i: number) => string, count: number) =>
    `{${Array.from({ length: count }, (_, i) => `"${name(i)}":1`).join()}}`;
  const edits = { requestBody: { rename: { id: 'key' }, set: { seen: true } } };
  const checks = { validation: { requestSchema: { inline: '{"type":["object","array"]}' } } };

  test.each([
    ['100,000 levels of lists', '['.repeat(100_000), '400'],
    ['100,000 levels of objects', '{"a":'.repeat(100_000), '400'],
    ['100,000 levels that end', '['.repeat(100_000) + ']'.repeat(100_000), '400'],
    ['1,000,000 members', many((i) => `m${i}`, 1_000_000), '413'],
    ['80,000 members', many((i) => `m${i}`, 80_000), '200'],
    ['80,000 members like integers', many(String, 80_000), '200'],
    ['60,000 members like integers too large for an index', many((i) => String(4_294_967_295 + i), 60_000), '200'],
    ['members that objects inherit', '{"constructor":{"prototype":{"x":1}},"toString":1,"hasOwnProperty":2}', '200'],
    ['a prototype', '{"a":{"__proto__":{"polluted":true}}}', '400'],
    ['a prototype spelled with escapes', '{"\\u005f\\u005fproto__":{"polluted":true}}', '400'],
    ['one name 100,000 times', `{${Array.from({ length: 100_000 }, () => '"a":1').join()}}`, '400'],
  ])('%s', async (_, body, status) => {
    for (const spec of [edits, checks]) {
      await using rig = await ProxyRig.start(simple(spec));
      rig.origin.answer(() => OK);
      const answer = await ask(rig, post(body));
      expect(answer.status).toBe(status);
      // Linear in what came: what is quadratic takes minutes.
      expect(answer.cpuMs).toBeLessThan(4 * LONG_MS);
      expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    }
  });

  test('is refused by its size before it has come', async () => {
    const size = many((i) => `m${i}`, 1_000_000).length;
    const head = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n';
    // One byte more than is held, and nothing of the rest.
    const begun = `[${' '.repeat(1024 * 1024)}`;
    for (const spec of [edits, checks]) {
      await using rig = await ProxyRig.start(simple(spec));
      for (const request of [
        `${head}Content-Length: ${size}\r\n\r\n`,
        `${head}Transfer-Encoding: chunked\r\n\r\n${size.toString(16)}\r\n${begun}`,
      ]) {
        expect((await ask(rig, request)).status).toBe('413');
      }
      expect(rig.origin.connections).toEqual([]);
    }
  });

  test('goes on as it came, or edited and nothing else', async () => {
    await using rig = await ProxyRig.start(simple(edits));
    const bodies: string[] = [];
    rig.origin.answer((_head, body) => {
      bodies.push(body);
      return OK;
    });
    const inherited = '{"constructor":{"prototype":{"x":1}},"id":1,"10":2,"9":3}';
    expect((await ask(rig, post(inherited))).status).toBe('200');
    expect(JSON.parse(bodies[0]!)).toEqual({ constructor: { prototype: { x: 1 } }, key: 1, 10: 2, 9: 3, seen: true });
  });
});
