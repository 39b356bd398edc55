import { describe, expect, test } from 'vitest';
import { manifestsOf, route, service } from './testing/manifests.ts';
import { ProxyRig } from './testing/proxy-rig.ts';
import { rehearsedRefusals as counted } from './testing/rehearsed-refusals.ts';

const policy = (name: string, spec: object) => ({ kind: 'Policy', name, spec });
const consumer = { kind: 'Consumer', name: 'app', spec: { scopes: ['read'] } };
const KEY = { anyOf: [{ apiKey: {} }] };
const dry = (spec: object) => ({ mode: 'dryRun', ...spec });

async function start(routeSpec: object, ...policies: readonly ReturnType<typeof policy>[]): Promise<ProxyRig> {
  const names = policies.map(({ name }) => name);
  const rig = await ProxyRig.start(
    manifestsOf(service(), consumer, ...policies, route({ policies: names, ...routeSpec })),
  );
  rig.addKey('secret', 'app');
  rig.origin.answer((head) => `HTTP/1.1 200 OK\r\nContent-Length: ${head.length}\r\n\r\n${head}`);
  return rig;
}

async function ask(rig: ProxyRig, key?: string): Promise<{ status: string; body: string }> {
  const client = await rig.connect();
  client.send(`GET /x HTTP/1.1\r\nHost: a\r\n${key === undefined ? '' : `X-API-Key: ${key}\r\n`}\r\n`);
  const { head, body } = await client.takeMessage();
  return { status: head.slice(9, 12), body };
}

describe('a policy in dry run', () => {
  test('lets pass and counts what it would refuse; a valid credential still identifies', async () => {
    await using rig = await start({}, policy('p', dry({ auth: KEY })));
    expect((await ask(rig)).status).toBe('200');
    expect((await ask(rig, 'wrong')).status).toBe('200');
    expect(counted(rig)).toEqual(['p auth 2']);
    const { status, body } = await ask(rig, 'secret');
    expect(status).toBe('200');
    expect(body).toContain('x-consumer: app\r\n');
    expect(body).not.toContain('secret');
    expect(counted(rig)).toEqual(['p auth 2']);
  });

  test('leaves credentials that it refuses where they are, for upstreams that know them', async () => {
    const anyOf = [
      { apiKey: {} },
      { apiKey: { cookie: 'sid' } },
      { apiKey: { query: 'k' } },
      { apiKey: { header: 'x-other' } },
    ];
    await using rig = await start({}, policy('p', dry({ auth: { anyOf } })));
    const client = await rig.connect();
    const send = async (key: string): Promise<string> => {
      client.send(
        `GET /x?k=${key} HTTP/1.1\r\nHost: a\r\nX-API-Key: ${key}\r\nX-Other: ${key}\r\nCookie: a=1; sid=${key}\r\n\r\n`,
      );
      return (await client.takeMessage()).body;
    };
    const passed = ['GET /x?k=wrong ', 'X-API-Key: wrong\r\n', 'X-Other: wrong\r\n', 'Cookie: a=1; sid=wrong\r\n'];
    const refused = await send('wrong');
    for (const line of passed) expect(refused).toContain(line);
    const known = await send('secret');
    expect(known).not.toContain('secret');
    expect(known).toContain('cookie: a=1\r\n');
    expect(await send('wrong')).toContain('X-API-Key: wrong\r\n');
    expect(counted(rig)).toEqual(['p auth 2']);
  });

  test('decides about scopes and addresses too', async () => {
    const scopes = { allOf: ['write'] };
    await using rig = await start({ auth: KEY }, policy('p', dry({ authorization: { scopes } })));
    expect((await ask(rig, 'secret')).status).toBe('200');
    expect((await ask(rig)).status).toBe('401');
    expect(counted(rig)).toEqual(['p authorization 1']);
    rig.apply(manifestsOf(policy('p', dry({ authorization: { ip: { deny: ['127.0.0.1'] } } }))));
    expect((await ask(rig, 'secret')).status).toBe('200');
    expect(counted(rig)).toEqual(['p authorization 2']);
    rig.apply(manifestsOf(policy('p', dry({ authorization: { scopes: { allOf: ['read'] } } }))));
    expect((await ask(rig, 'secret')).status).toBe('200');
    expect(counted(rig)).toEqual(['p authorization 2']);
  });

  test('charges cells of its own for limits, counts, and says nothing to clients', async () => {
    const limit = (requests: number) => ({
      rateLimits: [{ name: 'l', tokenBucket: { requests, per: '1h' } }],
    });
    await using rig = await start({}, policy('e', limit(4)), policy('p', dry(limit(1))));
    const answers = [];
    for (let i = 0; i < 5; i++) answers.push((await ask(rig)).status);
    expect(answers).toEqual(['200', '200', '200', '200', '429']);
    expect(counted(rig)).toEqual(['p rateLimits 3']);
    const client = await rig.connect();
    client.send('GET /x HTTP/1.1\r\nHost: a\r\n\r\n');
    const { head } = await client.takeMessage();
    expect(head).toContain('ratelimit: "l";r=0;');
    expect(head).toContain('ratelimit-policy: "l";q=4;w=3600\r\n');
    // The one that is enforced later takes its place.
    await using after = await start({}, policy('p', dry(limit(1))), policy('e', limit(4)));
    for (let i = 0; i < 3; i++) await ask(after);
    expect(counted(after)).toEqual([]);
    // Its cells are not those of the limit when it is enforced.
    rig.apply(manifestsOf(policy('e', {}), policy('p', limit(1))));
    expect([(await ask(rig)).status, (await ask(rig)).status]).toEqual(['200', '429']);
  });

  test('of a limit alone tells clients of no limit', async () => {
    await using rig = await start(
      {},
      policy('p', dry({ rateLimits: [{ name: 'l', slidingWindow: { requests: 1, per: '1h' } }] })),
    );
    const client = await rig.connect();
    for (let i = 0; i < 2; i++) {
      client.send('GET /x HTTP/1.1\r\nHost: a\r\n\r\n');
      expect((await client.takeMessage()).head).not.toContain('ratelimit');
    }
    expect(counted(rig)).toEqual(['p rateLimits 1']);
  });

  test('changes nothing of what another enforces, before it or after', async () => {
    const enforced = policy('e', { auth: KEY });
    const tried = policy('d', dry({ auth: { anyOf: [{ apiKey: { header: 'x-other' } }] } }));
    await using before = await start({}, enforced, tried);
    expect((await ask(before)).status).toBe('401');
    expect((await ask(before, 'secret')).body).toContain('x-consumer: app\r\n');
    expect(counted(before)).toEqual(['d auth 1']);
    // What is set later wins whole: the dry run says nothing any more.
    await using after = await start({}, tried, enforced);
    expect((await ask(after)).status).toBe('401');
    expect((await ask(after, 'secret')).status).toBe('200');
    expect(counted(after)).toEqual([]);
  });

  test('of a route covers its own fields alone, and counts without a policy', async () => {
    const needsKey = policy('e', { auth: KEY });
    await using rig = await start(dry({ authorization: { scopes: { allOf: ['write'] } } }), needsKey);
    expect((await ask(rig)).status).toBe('401');
    expect((await ask(rig, 'secret')).status).toBe('200');
    expect(counted(rig)).toEqual([' authorization 1']);
  });

  test('is none where the route drops the mode', async () => {
    await using rig = await start({ none: ['mode'] }, policy('p', dry({ auth: KEY })));
    expect((await ask(rig)).status).toBe('401');
    expect(counted(rig)).toEqual([]);
  });
});
