/** What DNS servers say, and do not say, about the endpoints of a service. */
import { DnsLookup } from '@sluice/data-plane/discovery';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { type DnsRecord, type DnsReply, startDnsServer } from '../harness/dns-server.ts';

const dns = await startDnsServer();
afterAll(() => dns[Symbol.asyncDispose]());
beforeEach(() => {
  dns.questions.length = 0;
});

const at = (ips: readonly string[], ttl = 7): DnsRecord[] =>
  ips.map((ip) => ({ type: ip.includes(':') ? 'AAAA' : 'A', ip, ttl }));

/** Says of each name what it is told, by type; of others nothing. */
function know(names: Readonly<Record<string, readonly DnsRecord[] | Exclude<DnsReply, object>>>): void {
  dns.reply = ({ name, type }) => {
    const known = names[name];
    if (known === undefined) return { rcode: 3 };
    if (typeof known === 'string') return known;
    return { records: known.filter((record) => record.type === type || record.type === 'CNAME') };
  };
}

const lookup = (name: string, port?: number, servers = [dns.address]): DnsLookup =>
  new DnsLookup({ kind: 'dns', name, port, refreshMs: undefined }, servers);
const run = (each: DnsLookup) => each.run(new AbortController().signal);
const one = (address: string, weight = 1, priority = 0) => ({ address, weight, priority });

test('all addresses of a name are endpoints, good as long as the shortest TTL says', async () => {
  know({ 'a.example': [...at(['10.0.0.2', 'fd00::1']), ...at(['10.0.0.1'], 3)] });
  expect(await run(lookup('a.example', 80))).toEqual({
    found: [one('10.0.0.1:80'), one('10.0.0.2:80'), one('[fd00::1]:80')],
    leftOut: 0,
    ttlMs: 3_000,
  });
});

test('SRV records say where, how much and what first; a port that is configured stands', async () => {
  know({
    '_http._tcp.a.example': [
      { type: 'SRV', target: 'one.example', port: 8001, priority: 1, weight: 60 },
      { type: 'SRV', target: 'two.example', port: 8002, priority: 1, weight: 20 },
      { type: 'SRV', target: 'spare.example', port: 8003, priority: 5, weight: 1 },
      { type: 'SRV', target: 'gone.example', port: 8004, priority: 1, weight: 1 },
    ],
    'one.example': at(['10.0.0.1']),
    'two.example': at(['10.0.0.2', '10.0.0.3']),
    'spare.example': at(['10.0.0.4'], 4),
  });
  const ports = (port?: number) => [8001, 8002, 8002, 8003].map((own) => port ?? own);
  const found = ([a, b, c, d]: number[]) => [
    ...[one(`10.0.0.1:${a}`, 60, 1), one(`10.0.0.2:${b}`, 20, 1)],
    ...[one(`10.0.0.3:${c}`, 20, 1), one(`10.0.0.4:${d}`, 1, 5)],
  ];
  expect(await run(lookup('_http._tcp.a.example'))).toEqual({ found: found(ports()), leftOut: 0, ttlMs: 4_000 });
  expect(await run(lookup('_http._tcp.a.example', 90))).toMatchObject({ found: found(ports(90)) });
});

test('aliases are followed', async () => {
  know({
    'a.example': [
      { type: 'CNAME', target: 'b.example', ttl: 9 },
      { name: 'b.example', ...at(['10.0.0.9'])[0]! },
    ],
  });
  expect(await run(lookup('a.example', 80))).toMatchObject({ found: [one('10.0.0.9:80')] });
});

test('a truncated answer is asked for again over TCP', async () => {
  dns.reply = ({ type }) => ({ truncated: true, records: type === 'A' ? at(['10.0.0.1']) : [] });
  expect(await run(lookup('a.example', 80))).toMatchObject({ found: [one('10.0.0.1:80')] });
  expect(dns.questions.map(({ over }) => over)).toContain('tcp');
});

test('of ten thousand records no more are taken than a service may have', async () => {
  const ips = Array.from({ length: 4_000 }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
  know({ 'a.example': at(ips) });
  expect(await run(lookup('a.example', 80))).toMatchObject({ found: { length: 1_000 }, leftOut: 3_000 });
  const srv = Array.from(
    { length: 1_000 },
    (_, i) => ({ type: 'SRV', target: `b${i % 50}.example`, port: i + 1 }) as const,
  );
  const targets = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`b${i}.example`, at(ips.slice(0, 500))]));
  know({ '_s._tcp.example': srv, ...targets });
  const answer = await run(lookup('_s._tcp.example'));
  expect(answer).toMatchObject({ found: { length: 1_000 } });
});

test.each<[string, DnsReply, string | RegExp]>([
  ['knows no such name', { rcode: 3 }, 'ENOTFOUND'],
  ['has no such records', {}, 'ENODATA'],
  ['knows an alias that leads nowhere', { records: [{ type: 'CNAME', target: 'b.example' }] }, 'ENODATA'],
  ['fails', { rcode: 2 }, 'ESERVFAIL'],
  ['refuses', { rcode: 5 }, 'EREFUSED'],
  ['says nothing', 'silence', 'ETIMEOUT'],
  ['talks nonsense', 'nonsense', /./],
])('there is no answer where the server %s', async (_, reply, reason) => {
  dns.reply = () => reply;
  const expected = { failure: typeof reason === 'string' ? reason : expect.stringMatching(reason) };
  expect(await run(lookup('a.example', 80))).toEqual(expected);
  expect(await run(lookup('_s._tcp.a.example'))).toEqual(expected);
});

test('there is none where no server is', async () => {
  expect(await run(lookup('a.example', 80, ['127.0.0.1:1']))).toEqual({ failure: expect.stringMatching(/^E/) });
});

test('what one question has no answer to stays as it was', async () => {
  know({ 'a.example': at(['10.0.0.1', 'fd00::1']) });
  const kept = lookup('a.example', 80);
  await run(kept);
  dns.reply = ({ type }) => (type === 'AAAA' ? { rcode: 2 } : { records: at(['10.0.0.2']) });
  expect(await run(kept)).toMatchObject({ found: [one('10.0.0.2:80'), one('[fd00::1]:80')] });
  dns.reply = ({ type }) => (type === 'AAAA' ? {} : { records: at(['10.0.0.2']) });
  expect(await run(kept)).toMatchObject({ found: [one('10.0.0.2:80')] });
  dns.reply = () => ({ rcode: 2 });
  expect(await run(kept)).toEqual({ failure: 'ESERVFAIL' });
});

test('a lookup that is no longer wanted ends at once', async () => {
  const ending = new AbortController();
  dns.reply = () => {
    ending.abort();
    return 'silence';
  };
  expect(await lookup('a.example', 80).run(ending.signal)).toHaveProperty('failure');
  // Neither question was asked a second time.
  expect(dns.questions.length).toBeLessThanOrEqual(2);
});
