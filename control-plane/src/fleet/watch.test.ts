import { create } from '@bufbuild/protobuf';
import { HeldResourceSchema, NackReason, NodeState, PositionSchema, Track } from '@sluice/proto';
import { afterEach, describe, expect, it } from 'vitest';
import { checkHistory } from './testing/check-history.ts';
import { type ServedFleet, serveFleet } from './testing/serve-fleet.ts';
import { TestNode, type TestNodeOptions } from './testing/test-node.ts';
import { until } from './testing/until.ts';

const open: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function serve(options: Parameters<typeof serveFleet>[0] = {}): Promise<ServedFleet> {
  const served = await serveFleet(options);
  open.push(() => served[Symbol.asyncDispose]());
  return served;
}

function connect(served: ServedFleet, options: Partial<TestNodeOptions> = {}): TestNode {
  const node = new TestNode({ address: served.address, id: 'n1', ...options });
  open.push(() => node.close());
  return node;
}

async function find(served: ServedFleet, nodeId = 'n1') {
  return (await served.fleet.nodes()).find((one) => one.nodeId === nodeId);
}

async function untilState(served: ServedFleet, state: NodeState, nodeId = 'n1') {
  await until(async () => (await find(served, nodeId))?.state === state);
  return (await find(served, nodeId))!;
}

const untilCurrent = (served: ServedFleet, nodeId = 'n1') => untilState(served, NodeState.CURRENT, nodeId);

describe('a node that connects', () => {
  it('gets both tracks as snapshots when it has nothing, and is current when it acked them', async () => {
    const served = await serve();
    served.change(served.config, { 'Route/a': 'one', 'Route/b': 'two' });
    served.change(served.facts, { 'ApiKey/k': 'key' });
    const node = connect(served);
    await untilCurrent(served);
    expect(node.welcome).toMatchObject({ historyId: 'history-1', diverged: false, revision: 1n, factsVersion: 1n });
    const texts = [...node.config.items].map(([key, content]) => [key, Buffer.from(content).toString()]);
    expect(texts).toEqual([
      ['Route/a', 'one'],
      ['Route/b', 'two'],
    ]);
    expect(node.updates.map(({ last }) => [last.snapshot, last.forced])).toEqual([
      [true, false],
      [true, false],
    ]);
  });

  it('gets nothing but signs of life when it is current', async () => {
    const served = await serve({ heartbeatIntervalMs: 60 });
    served.change(served.config, { 'Route/a': 'one' });
    const before = connect(served);
    await untilCurrent(served);
    before.close();
    const node = connect(served, { from: before });
    await until(() => node.heartbeats >= 2);
    expect(node.updates).toEqual([]);
    expect(node.ended).toBeUndefined();
  });

  it('gets one delta of all it missed', async () => {
    const served = await serve();
    served.change(served.config, { 'Route/a': 'one', 'Route/b': 'two' });
    const before = connect(served);
    await untilCurrent(served);
    before.close();
    served.change(served.config, { 'Route/a': 'changed' });
    served.change(served.config, { 'Route/b': undefined, 'Route/c': 'three' });
    const node = connect(served, { from: before });
    await untilCurrent(served);
    expect(node.updates.map(({ last }) => [last.snapshot, last.fromRevision, last.revision])).toEqual([
      [false, 1n, 3n],
    ]);
    expect([...node.config.items.keys()].sort()).toEqual(['Route/a', 'Route/c']);
  });

  it('gets a snapshot in parts when it is large, and activates once', async () => {
    const served = await serve();
    const large = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`Route/r${n}`, 'x'.repeat(30_000 + n)]));
    served.change(served.config, large);
    const node = connect(served);
    await untilCurrent(served);
    expect(node.updates).toHaveLength(1);
    expect(node.updates[0]!.parts.map(({ more }) => more)).toEqual([true, true, true, true, false]);
    expect(node.activations).toHaveLength(1);
  });

  it('gets only what goes to its group', async () => {
    const served = await serve();
    served.change(served.config, { 'Route/everywhere': 'one' });
    served.change(served.config, { 'Route/eu': 'two' }, ['eu']);
    const eu = connect(served, { id: 'eu-1', group: 'eu' });
    const us = connect(served, { id: 'us-1', group: 'us' });
    await untilCurrent(served, 'eu-1');
    await untilCurrent(served, 'us-1');
    expect([...eu.config.items.keys()]).toEqual(['Route/everywhere', 'Route/eu']);
    expect([...us.config.items.keys()]).toEqual(['Route/everywhere']);
    served.change(served.config, { 'Route/eu': 'three' }, ['eu']);
    await until(() => us.config.revision === 3);
    expect(us.updates.at(-1)!.last).toMatchObject({ upserts: [], removals: [], snapshot: false });
  });

  it.each([
    ['another protocol', { protocol: 2 }, 'failed_precondition'],
    ['an id that is none', { nodeId: 'no spaces' }, 'invalid_argument'],
    ['a time that is no date', { activeSince: { seconds: 1n << 60n } }, 'invalid_argument'],
    ['a start that is no date', { startedAt: { seconds: -(1n << 60n) } }, 'invalid_argument'],
    ['a duration that is none', { maxStaleness: { seconds: 1n << 62n } }, 'invalid_argument'],
    ['a revision that cannot be counted', { config: { revision: 1n << 53n } }, 'invalid_argument'],
  ])('is refused with %s', async (_, hello, code) => {
    const served = await serve();
    const node = connect(served, { hello });
    await until(() => node.ended !== undefined);
    expect(node.ended).toMatchObject({ code });
    expect(served.fleet.size).toBe(0);
  });

  it('is refused with a wait when the control plane has as many as it takes', async () => {
    const served = await serve({ maxNodes: 1 });
    connect(served);
    await until(() => served.fleet.size === 1);
    const second = connect(served, { id: 'n2' });
    await until(() => second.ended !== undefined);
    expect(second.ended).toMatchObject({ code: 'resource_exhausted', retryAfterMs: 10_000 });
  });
});

describe('a connected node', () => {
  it('that names times that are no dates is let go of, and all nodes can be shown', async () => {
    const served = await serve();
    const noDate = { seconds: 1n << 60n };
    const acks = connect(served, { id: 'n1' });
    const beats = connect(served, { id: 'n2' });
    await until(() => served.fleet.size === 2);
    acks.say({ case: 'ack', value: { track: Track.CONFIG, historyId: 'history-1', activeSince: noDate } });
    beats.say({ case: 'status', value: { breakers: [{ service: 's', since: noDate }] } });
    await until(() => acks.ended !== undefined && beats.ended !== undefined);
    expect([acks.ended, beats.ended]).toMatchObject([{ code: 'invalid_argument' }, { code: 'invalid_argument' }]);
    const nodes = await served.fleet.nodes();
    expect(nodes.map(({ nodeId, state }) => [nodeId, state])).toEqual([
      ['n1', NodeState.DISCONNECTED],
      ['n2', NodeState.DISCONNECTED],
    ]);
  });

  it('that does not answer gets one update for all that happened meanwhile', async () => {
    const served = await serve();
    served.change(served.config, { 'Route/a': '0' });
    const held: Parameters<NonNullable<TestNodeOptions['onUpdate']>>[1][] = [];
    const node = connect(served, { onUpdate: (_, update) => held.push(update) });
    await until(() => held.length === 1);
    for (let n = 1; n <= 100; n++)
      served.change(served.config, { 'Route/a': String(n), [`Route/r${n % 7}`]: String(n) });
    node.activate(held[0]!);
    await until(() => held.length === 2);
    expect(held[1]!.last).toMatchObject({ fromRevision: 1n, revision: 101n });
    expect(held[1]!.last.upserts).toHaveLength(8);
    node.activate(held[1]!);
    await untilCurrent(served);
    expect(checkHistory([node], served)).toEqual([]);
  });

  it('gets a snapshot after it found a wrong digest or a gap', async () => {
    const served = await serve();
    served.change(served.config, { 'Route/a': 'one' });
    const node = connect(served, {
      onUpdate(self, update) {
        if (update.last.snapshot) self.activate(update);
        else self.nack(update, self.updates.length % 2 === 0 ? NackReason.DIGEST : NackReason.GAP);
      },
    });
    await untilCurrent(served);
    served.change(served.config, { 'Route/b': 'two' });
    await until(() => node.config.revision === 2);
    served.change(served.config, { 'Route/c': 'three' });
    await until(() => node.config.revision === 3);
    expect(node.updates.map(({ last }) => last.snapshot)).toEqual([true, false, true, false, true]);
    await untilCurrent(served);
  });

  it('that refuses a revision is shown, keeps what it has, and is given the next', async () => {
    const served = await serve();
    served.change(served.config, { 'Route/a': 'one' });
    const node = connect(served, {
      onUpdate(self, update) {
        if (update.last.revision === 2n) self.nack(update, NackReason.WORKERS, 'no worker took it');
        else self.activate(update);
      },
    });
    await untilCurrent(served);
    served.change(served.config, { 'Route/a': 'bad' });
    const refusing = await untilState(served, NodeState.REFUSING);
    expect(refusing).toMatchObject({ activeRevision: 1n, reason: 'revision 2 refused: workers: no worker took it' });
    expect(refusing.refusal).toMatchObject({ revision: 2n, reason: 'workers: no worker took it' });
    served.change(served.config, { 'Route/a': 'good' });
    await untilCurrent(served);
    expect(node.updates.map(({ last }) => [last.fromRevision, last.revision])).toEqual([
      [0n, 1n],
      [1n, 2n],
      [1n, 3n],
    ]);
  });

  it('that never accepts a revision is not sent it over and over', async () => {
    const served = await serve({ heartbeatIntervalMs: 50 });
    served.change(served.config, { 'Route/a': 'one' });
    const node = connect(served, { onUpdate: (self, update) => self.nack(update, NackReason.DIGEST) });
    await untilState(served, NodeState.REFUSING);
    const heartbeats = node.heartbeats;
    await until(() => node.heartbeats > heartbeats + 2 || node.ended !== undefined);
    expect(node.updates.length).toBeLessThanOrEqual(2);
  });

  it('that holds resources is shown with what it holds, until it says that it no longer does', async () => {
    const served = await serve();
    served.change(served.config, { 'Route/a': 'one' });
    const holder = connect(served, {
      onUpdate(self, { track, last }) {
        const position = create(PositionSchema, { revision: last.revision, digest: last.digest });
        const held = [
          create(HeldResourceSchema, { kind: 'Route', name: 'a', reason: 'no such thing', lastGood: false }),
        ];
        self.say({ case: 'ack', value: { track, historyId: last.historyId, position, held } });
      },
    });
    const node = await untilState(served, NodeState.HOLDING);
    expect(node.reason).toBe('cannot build Route/a');
    expect(node.held).toMatchObject([{ kind: 'Route', name: 'a', reason: 'no such thing' }]);
    const { revision, digest } = served.config.position('default');
    const position = create(PositionSchema, { revision: BigInt(revision), digest });
    holder.say({ case: 'ack', value: { track: Track.CONFIG, historyId: 'history-1', position } });
    await untilCurrent(served);
  });

  it('is let go when it is silent for two intervals, though its connection stands', async () => {
    const served = await serve({ heartbeatIntervalMs: 50 });
    const node = connect(served);
    await until(() => node.ended !== undefined);
    expect(node.ended).toMatchObject({ code: 'aborted' });
    expect(await find(served)).toMatchObject({ state: NodeState.DISCONNECTED });
  });

  it('stays while it gives signs of life', async () => {
    const served = await serve({ heartbeatIntervalMs: 50 });
    const node = connect(served);
    const timer = setInterval(() => node.say({ case: 'status', value: { workers: 2, workersReady: 2 } }), 20);
    open.push(() => clearInterval(timer));
    await until(() => node.heartbeats >= 6);
    expect(node.ended).toBeUndefined();
    expect(await find(served)).toMatchObject({ workersReady: 2 });
  });

  it('gives way to a later one with its id, which says so when it goes on', async () => {
    const served = await serve();
    const [first, second] = [connect(served), connect(served)];
    await until(() => first.ended !== undefined || second.ended !== undefined);
    const loser = first.ended === undefined ? second : first;
    expect(loser.ended).toMatchObject({
      code: 'aborted',
      rawMessage: 'node n1 connected again, and the later one stays',
    });
    connect(served);
    await until(async () => (await find(served))?.reason.includes('connected 3 times within a minute') ?? false);
    expect(served.fleet.size).toBe(1);
    expect(served.log.filter((line) => line.includes('connected again'))).toHaveLength(2);
  });

  it('keeps the process that it takes over from when its own stream is taken anew', async () => {
    const served = await serve();
    const startedAt = (seconds: number) => ({ startedAt: { seconds: BigInt(seconds), nanos: 0 } });
    const before = connect(served, { hello: startedAt(1) });
    await untilCurrent(served);
    const hello = { ...startedAt(2), takeover: true };
    const first = connect(served, { hello });
    const takesOver = async () => (await find(served))?.reason.includes('it takes over from a process') ?? false;
    await until(takesOver);
    const again = connect(served, { hello });
    await until(() => first.ended !== undefined);
    expect(await takesOver()).toBe(true);
    served.change(served.config, { 'Route/a': 'one' });
    await until(() => before.config.revision === 1 && again.config.revision === 1);
    again.close();
    await until(async () => !(await takesOver()));
    expect(served.fleet.size).toBe(1);
    expect(before.ended).toBeUndefined();
  });

  it('does what it is told', async () => {
    const served = await serve();
    const node = connect(served);
    await until(() => served.fleet.size === 1);
    const answer = served.fleet
      .session('n1')!
      .command(
        { case: 'resetBreaker', value: { $typeName: 'sluice.sync.v1.ResetBreakerCommand', service: 's' } },
        2000,
      );
    await until(() => node.commands.length === 1);
    const { commandId, command } = node.commands[0]!;
    expect(command).toMatchObject({ case: 'resetBreaker', value: { service: 's' } });
    node.say({ case: 'commandResult', value: { commandId, error: 'no such service' } });
    expect(await answer).toMatchObject({ problem: 'no such service' });
  });
});

describe('histories', () => {
  async function connectOnce(served: ServedFleet): Promise<TestNode> {
    const node = connect(served);
    await untilCurrent(served);
    node.close();
    await untilState(served, NodeState.DISCONNECTED);
    return node;
  }

  it('a node of another history diverged: it gets nothing until it is adopted, then a forced snapshot', async () => {
    const served = await serve();
    served.change(served.config, { 'Route/a': 'one' });
    served.change(served.facts, { 'ApiKey/k': 'key' });
    const before = await connectOnce(served);
    served.database.historyId = 'history-2';
    served.change(served.config, { 'Route/b': 'two' });
    const node = connect(served, { from: before });
    const diverged = await untilState(served, NodeState.DIVERGED);
    expect(diverged.reason).toBe('its history is history-1, not history-2');
    await until(() => node.welcome !== undefined);
    expect(node.welcome).toMatchObject({ diverged: true, historyId: 'history-2' });
    served.change(served.config, { 'Route/c': 'three' });
    expect(node.updates).toEqual([]);
    expect(served.fleet.session('n1')!.adopt()).toBe(true);
    await untilCurrent(served);
    expect(node.updates.map(({ last }) => [last.snapshot, last.forced, last.historyId])).toEqual([
      [true, true, 'history-2'],
      [true, true, 'history-2'],
    ]);
    served.change(served.config, { 'Route/d': 'four' });
    await untilCurrent(served);
    expect(node.updates.at(-1)!.last).toMatchObject({ snapshot: false, forced: false });
    expect(served.fleet.session('n1')!.adopt()).toBe(false);
  });

  it('a node that is ahead makes the control plane read the database, and is sent no less than it has', async () => {
    const served = await serve();
    served.change(served.config, { 'Route/a': 'one' });
    const before = await connectOnce(served);
    const ahead = new Map(before.config.items);
    served.database.onRefresh = () => served.change(served.config, { 'Route/a': 'two' });
    before.config.revision = 2;
    const other = await serve();
    other.change(other.config, { 'Route/a': 'one' });
    other.change(other.config, { 'Route/a': 'two' });
    before.config.digest = other.config.position('default').digest;
    const node = connect(served, { from: before });
    await untilCurrent(served);
    expect(node.updates).toEqual([]);
    expect(ahead.size).toBe(1);
  });

  it('a node that is ahead even of the database diverged', async () => {
    const served = await serve();
    served.change(served.config, { 'Route/a': 'one' });
    const before = await connectOnce(served);
    before.config.revision = 7;
    const node = connect(served, { from: before });
    expect((await untilState(served, NodeState.DIVERGED)).reason).toBe('its revision is 7, and the last one here is 1');
    await until(() => node.welcome?.diverged === true);
  });

  it('a node that is ahead while the database is away is told to come back', async () => {
    const served = await serve();
    served.change(served.config, { 'Route/a': 'one' });
    const before = await connectOnce(served);
    before.config.revision = 7;
    served.database.away = true;
    const node = connect(served, { from: before });
    await until(() => node.ended !== undefined);
    expect(node.ended).toMatchObject({ code: 'unavailable', retryAfterMs: 1000 });
  });

  it.each([
    ['the current', 0],
    ['an older', 1],
  ])('a node with another digest at %s revision diverged', async (_, later) => {
    const served = await serve();
    served.change(served.config, { 'Route/a': 'one' });
    const before = await connectOnce(served);
    before.config.digest = new Uint8Array(32).fill(7);
    for (let n = 0; n < later; n++) served.change(served.config, { 'Route/b': String(n) });
    const node = connect(served, { from: before });
    expect((await untilState(served, NodeState.DIVERGED)).reason).toBe('its revision 1 has another digest');
    await until(() => node.welcome?.diverged === true);
  });

  it('a new history sends all nodes away, to come back and be judged', async () => {
    const served = await serve();
    served.change(served.config, { 'Route/a': 'one' });
    const node = connect(served);
    await untilCurrent(served);
    served.database.historyId = 'history-2';
    served.change(served.config, { 'Route/a': 'two' });
    await until(() => node.ended !== undefined);
    expect(node.ended).toMatchObject({ code: 'unavailable' });
  });
});

describe('while the database is away', () => {
  it('new nodes get snapshots, connected ones what is in memory, and the fleet view what is known', async () => {
    const served = await serve();
    served.change(served.config, { 'Route/a': 'one' });
    connect(served);
    await untilCurrent(served);
    served.database.away = true;
    connect(served, { id: 'n2' });
    await untilCurrent(served, 'n2');
    served.change(served.config, { 'Route/a': 'two' });
    await untilCurrent(served, 'n1');
    expect((await served.fleet.nodes()).map(({ nodeId }) => nodeId)).toEqual(['n1', 'n2']);
    served.database.away = false;
    await until(() => served.database.rows.has('n2'));
  });
});
