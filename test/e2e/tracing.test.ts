/** Traced requests, as a receiver of OTLP sees them. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Admin, connectAdmin } from '../harness/admin.ts';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { type Node, startNode } from '../harness/node.ts';
import { type Origin, startOrigin } from '../harness/origin.ts';
import { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from '../harness/otlp-receiver.ts';
import { waitFor } from '../harness/wait-for.ts';
import { ask } from './fields/field-case.ts';

const PARENT = { trace: '0af7651916cd43dd8448eb211c80319c', span: 'b7ad6b7169203331' };

let controlPlane: ControlPlane;
let admin: Admin;
let receiver: OtlpReceiver;
let origin: Origin;
let node: Node;

beforeAll(async () => {
  [controlPlane, receiver, origin] = await Promise.all([startControlPlane(), startOtlpReceiver(), startOrigin()]);
  admin = connectAdmin(controlPlane);
  const { revision } = await admin.apply(`
kind: Service
name: s
spec: { endpoints: [{ address: "${origin.address}" }] }
---
kind: Route
name: traced
spec:
  match: [{ path: { template: "/items/{id}" } }]
  service: s
  tracing: { sample: 1 }
  rewrite: { path: "/inside/{id}" }
  retry: { attempts: 1, on: [5xx], backoff: { base: 1ms, max: 1ms } }
---
kind: Route
name: untraced
spec: { match: [{ path: { prefix: / } }], service: s, tracing: { sample: 0 } }
`);
  node = await startNode({ controlPlane: controlPlane.url, args: ['--otlp', receiver.url, '--zone', 'here'] });
  await admin.waitUntilActive(revision);
});

afterAll(async () => {
  admin[Symbol.dispose]();
  for (const each of [node, controlPlane, receiver, origin]) await each[Symbol.asyncDispose]();
});

const spansOf = async (traceId: string, count: number): Promise<ReceivedSpan[]> => {
  const own = () => receiver.spans.filter((span) => span.traceId === traceId);
  await waitFor(`${count} spans of ${traceId}`, () => own().length >= count);
  return own();
};

const dropped = async (): Promise<number> =>
  Number(/gateway_overflow_total\{what="spans"\} (\d+)/.exec((await node.admin('/__metrics')).body)![1]);

describe('a traced request', () => {
  test('is a span of the server and one of a client for each try, which is what that try tells its upstream', async () => {
    const statuses = [503, 200];
    origin.reply = () => ({ status: statuses.shift() ?? 200 });
    const before = BigInt(Date.now()) * 1_000_000n;
    const { status } = await ask(node.port, {
      target: '/items/7?secret=hush',
      headers: { traceparent: `00-${PARENT.trace}-${PARENT.span}-00`, host: 'api.example', 'user-agent': 'test/1' },
    });
    expect(status).toBe(200);
    const spans = await spansOf(PARENT.trace, 3);
    expect(spans).toHaveLength(3);
    const [server, first, second] = spans as [ReceivedSpan, ReceivedSpan, ReceivedSpan];
    expect(server).toMatchObject({ kind: 'server', name: 'GET /items/{id}', parentId: PARENT.span, isError: false });
    expect(server.attributes).toMatchObject({
      ...{ 'http.request.method': 'GET', 'http.response.status_code': 200, 'http.route': '/items/{id}' },
      ...{ 'url.path': '/items/7', 'url.scheme': 'http', 'server.address': 'api.example' },
      ...{ 'client.address': '127.0.0.1', 'network.protocol.version': '1.1', 'user_agent.original': 'test/1' },
      ...{ 'sluice.route': 'traced' },
    });
    expect(server.resource).toMatchObject({
      ...{ 'service.name': 'sluice', 'service.instance.id': 'n1', 'sluice.group': 'default', 'sluice.zone': 'here' },
    });
    const host = origin.address;
    for (const each of [first, second]) {
      expect(each).toMatchObject({ kind: 'client', name: 'GET', parentId: server.spanId });
      expect(each.attributes).toMatchObject({ 'url.full': `http://${host}/inside/7`, 'sluice.service': 's' });
      expect(each.start >= server.start && each.end >= each.start && each.end <= server.end).toBe(true);
    }
    expect(first).toMatchObject({
      isError: true,
      attributes: { 'error.type': '503', 'http.response.status_code': 503 },
    });
    expect(second).toMatchObject({ isError: false, attributes: { 'http.request.resend_count': 1 } });
    expect(second.start).toBeGreaterThanOrEqual(first.end);
    // Within what clocks of a millisecond can tell.
    expect(server.start).toBeGreaterThanOrEqual(before - 1_000_000n);
    expect(origin.requests.slice(-2).map((request) => request.header('traceparent'))).toEqual(
      [first, second].map(({ spanId }) => `00-${PARENT.trace}-${spanId}-01`),
    );
    expect(JSON.stringify(spans, (_, value) => (typeof value === 'bigint' ? String(value) : value))).not.toContain(
      'hush',
    );
    expect(receiver.contentTypes[0]).toBe('POST /v1/traces application/x-protobuf');
  });

  test('of a share of 0 goes on with its context, unsampled, and no span of it is there', async () => {
    origin.reply = () => ({});
    const trace = 'a'.repeat(32);
    await ask(node.port, { headers: { traceparent: `00-${trace}-${PARENT.span}-01` } });
    expect(origin.requests.at(-1)!.header('traceparent')).toMatch(new RegExp(`^00-${trace}-[0-9a-f]{16}-00$`));
    const { header } = await ask(node.port, { target: '/items/8' });
    await spansOf(header('x-trace-id')!, 2);
    expect(receiver.spans.filter(({ traceId }) => traceId === trace)).toEqual([]);
  });
});

test('spans that the receiver refuses are dropped and counted, and no request is the worse for it', async () => {
  origin.reply = () => ({});
  receiver.answer = 400;
  expect((await ask(node.port, { target: '/items/1' })).status).toBe(200);
  await waitFor('they are counted', async () => (await dropped()) > 0);
  expect(node.process().output()).toContain('warn spans cannot be exported');
  receiver.answer = 200;
  const { header } = await ask(node.port, { target: '/items/2' });
  await spansOf(header('x-trace-id')!, 2);
});

test('a receiver that never answers holds up neither requests nor the end of the node', async () => {
  receiver.answer = 'never';
  const asked = receiver.contentTypes.length;
  expect((await ask(node.port, { target: '/items/1' })).status).toBe(200);
  await waitFor('it is asked', () => receiver.contentTypes.length > asked);
  for (let i = 0; i < 20; i++) expect((await ask(node.port, { target: '/items/1' })).status).toBe(200);
  const ended = node.stop().then(() => 'ended');
  expect(await Promise.race([ended, delay(30_000, 'late')])).toBe('ended');
});
