import { describe, expect, test } from 'vitest';
import { MAX_LINE_BYTES } from '../../shared/index.ts';
import { OK } from '../testing/failing-upstreams.ts';
import { manifestsOf, route, service, simple } from '../testing/manifests.ts';
import { ProxyRig } from '../testing/proxy-rig.ts';
import { exposed } from '../testing/request-counts.ts';
import { type Line, takeLines } from '../testing/ring-lines.ts';

const ALL = { tracing: { sample: 1 } };
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const trusting = { kind: 'Listener', name: 'http', spec: { address: '127.0.0.1:0', trustedProxies: ['127.0.0.1'] } };

type Spans = Line & { readonly tries: readonly Line[] };

const lines = ({ shared }: ProxyRig) => takeLines(shared.region.spans[0]!) as Spans[];

/** A rig whose origin notes each traceparent it gets. */
async function start(manifests: string, answer: () => string = () => OK) {
  const rig = await ProxyRig.start(manifests);
  const seen: string[] = [];
  rig.origin.answer((head) => {
    seen.push(/\r\ntraceparent: (\S+)\r\n/.exec(head)![1]!);
    return answer();
  });
  return { rig, seen, [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose]() };
}

async function ask(rig: ProxyRig, traceparent?: string, fields = ''): Promise<void> {
  const client = await rig.connect();
  const line = traceparent === undefined ? '' : `traceparent: ${traceparent}\r\n`;
  client.send(`GET /x?q=hush HTTP/1.1\r\nHost: a\r\n${line}${fields}\r\n`);
  await client.takeMessage();
}

describe('whether a request is traced', () => {
  test('is drawn by the share, and upstreams are told', async () => {
    await using started = await start(simple({ tracing: { sample: 0.5 } }));
    const { rig, seen } = started;
    const client = await rig.connect();
    for (let i = 0; i < 400; i++) {
      client.send('GET /x HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.takeMessage();
    }
    const traced = lines(rig);
    expect(traced.length).toBeGreaterThan(120);
    expect(traced.length).toBeLessThan(280);
    const sampled = seen.filter((each) => each.endsWith('-01'));
    expect(traced.map(({ traceId, tries }) => `00-${String(traceId)}-${String(tries[0]!.spanId)}-01`)).toEqual(sampled);
  });

  test('is not for a client to say, whose trace goes on all the same', async () => {
    await using started = await start(simple({ tracing: { sample: 0 } }));
    const { rig, seen } = started;
    await ask(rig, `00-${TRACE}-${SPAN}-01`);
    expect(lines(rig)).toEqual([]);
    expect(seen[0]).toMatch(new RegExp(`^00-${TRACE}-(?!${SPAN})[0-9a-f]{16}-00$`));
    rig.apply(simple(ALL));
    await ask(rig, `00-${TRACE}-${SPAN}-00`);
    expect(lines(rig)).toMatchObject([{ traceId: TRACE, parentId: SPAN }]);
    await ask(rig);
    expect(lines(rig)).toMatchObject([{ parentId: '' }]);
  });

  test('is for a trusted peer to say, both ways; where it says nothing it is drawn', async () => {
    const manifests = (sample: number) => manifestsOf(trusting, service(), route({ tracing: { sample } }));
    await using started = await start(manifests(0));
    const { rig, seen } = started;
    await ask(rig, `00-${TRACE}-${SPAN}-01`);
    expect(lines(rig)).toMatchObject([{ traceId: TRACE, parentId: SPAN }]);
    rig.apply(manifests(1));
    await ask(rig, `00-${TRACE}-${SPAN}-00`);
    expect(lines(rig)).toEqual([]);
    await ask(rig);
    expect(lines(rig)).toHaveLength(1);
    expect(seen.map((each) => each.slice(-3))).toEqual(['-01', '-00', '-01']);
  });

  test('is not asked on a route that says nothing of it: the flag of a trusted peer goes on', async () => {
    await using started = await start(manifestsOf(trusting, service(), route()));
    await ask(started.rig, `00-${TRACE}-${SPAN}-01`);
    expect(lines(started.rig)).toEqual([]);
    expect(started.seen[0]).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
  });
});

describe('the spans of a request', () => {
  test('are its own and one for each try, named as the try names itself', async () => {
    const answers = ['HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n', OK];
    const retry = { attempts: 2, on: ['5xx'], backoff: { base: '1ms', max: '1ms' } };
    await using started = await start(simple({ ...ALL, retry }), () => answers.shift()!);
    const { rig, seen } = started;
    await ask(rig);
    const [line] = lines(rig);
    expect(line).toMatchObject({
      method: 'GET',
      error: null,
      target: '/x',
      tries: [{ error: '503' }, { error: null }],
    });
    const ids = line!.tries.map(({ spanId }) => spanId);
    expect(seen.map((each) => each.slice(36, 52))).toEqual(ids);
    expect(new Set([line!.spanId, ...ids]).size).toBe(3);
    expect(line!.attributes).toMatchObject({ 'http.route': '/*', 'http.response.status_code': 200, 'url.path': '/x' });
    expect(JSON.stringify(line)).not.toContain('hush');
  });

  test('say why a request failed that no upstream has seen, and are no error where the client is to blame', async () => {
    await using started = await start(simple({ ...ALL, auth: { anyOf: [{ apiKey: {} }] } }));
    const { rig } = started;
    await ask(rig, undefined, 'X-API-Key: hush\r\n');
    const [refused] = lines(rig);
    expect(refused).toMatchObject({ error: null, tries: [], attributes: { 'sluice.code': 'unauthenticated' } });
    expect(JSON.stringify(refused)).not.toContain('hush');
    rig.apply(simple(ALL, { endpoints: [] }));
    await ask(rig);
    expect(lines(rig)).toMatchObject([{ error: 'no_healthy_endpoint', tries: [] }]);
  });

  test('that find no room are dropped and counted, and the request goes on', async () => {
    await using started = await start(simple(ALL));
    while (started.rig.shared.spans.put(`${'x'.repeat(MAX_LINE_BYTES - 1)}\n`));
    await ask(started.rig);
    expect(started.seen).toHaveLength(1);
    expect(exposed(started.rig)).toContain('gateway_overflow_total{what="spans"} 1\n');
  });

  test('fit into a line whatever a client sends', async () => {
    const retry = { attempts: 10, on: ['5xx'], backoff: { base: '1ms', max: '1ms' }, budgetPercent: 100 };
    await using started = await start(simple({ ...ALL, retry }), () => 'HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n');
    const { rig } = started;
    const client = await rig.connect();
    client.send(
      `GET /${'%22'.repeat(3000)} HTTP/1.1\r\nHost: ${'h'.repeat(253)}\r\nUser-Agent: ${'\xff'.repeat(2000)}\r\n\r\n`,
    );
    await client.takeMessage();
    expect(lines(rig)).toHaveLength(1);
  });
});
