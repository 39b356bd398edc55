import { afterEach, expect, it, vi } from 'vitest';
import { formatAddress, isLoopback, parseSettings } from './settings.ts';

afterEach(() => vi.unstubAllEnvs());

function parse(...args: string[]) {
  const parsed = parseSettings(args);
  return parsed.kind === 'run' ? parsed.settings : parsed;
}

it('the defaults are those of the documentation', () => {
  vi.stubEnv('HOME', '/home/someone');
  expect(parse()).toEqual({
    listen: { host: '127.0.0.1', port: 7070 },
    database: 'embedded',
    dataDir: '.sluice',
    auth: 'token',
    contextFile: '/home/someone/.config/sluice/contexts.yaml',
    newHistory: false,
    logLevel: 'info',
    heartbeatIntervalMs: 5000,
    maxNodes: 5000,
  });
});

it('variables stand in for flags, and flags win', () => {
  vi.stubEnv('SLUICE_LISTEN', '[::1]:1');
  vi.stubEnv('SLUICE_DATABASE', 'postgres://u:p@db:5432/sluice');
  vi.stubEnv('SLUICE_HEARTBEAT_INTERVAL', '250ms');
  vi.stubEnv('SLUICE_TOKEN', 'a-token-of-16-or-more');
  expect(parse('--heartbeat-interval', '2m')).toMatchObject({
    listen: { host: '::1', port: 1 },
    database: 'postgres://u:p@db:5432/sluice',
    heartbeatIntervalMs: 120_000,
    token: 'a-token-of-16-or-more',
  });
});

it.each<[string[], RegExp]>([
  [['--bogus'], /^unknown option '--bogus'\n$/],
  [['extra'], /^too many arguments/],
  [['--listen', 'nowhere'], /It is HOST:PORT, such as 127\.0\.0\.1:7070\.\n$/],
  [['--listen', '127.0.0.1:65536'], /It is HOST:PORT/],
  [['--listen', '[::g]:1'], /It is HOST:PORT/],
  [['--listen', '[1.2.3]:1'], /The host is no IPv6 address\.\n$/],
  [['--auth', 'maybe'], /Allowed choices are token, none\.\n$/],
  [
    ['--auth', 'none', '--listen', '0.0.0.0:7070'],
    /^--auth none is for loopback addresses only, and --listen is 0\.0\.0\.0:7070\n$/,
  ],
  [
    ['--auth', 'none', '--listen', '[::]:7070'],
    /^--auth none is for loopback addresses only, and --listen is \[::\]:7070\n$/,
  ],
  [
    ['--database', 'mysql://root:secret@db/x'],
    /^--database must be postgres:[^@]*@HOST:PORT\/DATABASE, or embedded\n$/,
  ],
  [['--database', 'postgres://root:secret@db'], /^--database must be postgres:[^@]*@HOST/],
  [['--token', 'secret'], /^--token must have 16 to 256 visible ASCII characters\n$/],
  [['--token', `secret${'x'.repeat(251)}`], /^--token must have 16 to 256/],
  [['--heartbeat-interval', '49ms'], /It is a duration from 50ms to 5m, such as 5s\.\n$/],
  [['--max-nodes', '0'], /It is a whole number from 1\.\n$/],
])('%j is refused in one line that does not repeat a secret', (args, text) => {
  const parsed = parseSettings(args);
  expect(parsed).toMatchObject({ kind: 'exit', exitCode: 1, text: expect.stringMatching(text) });
  expect(parsed.kind === 'exit' && parsed.text.split('\n')).toHaveLength(2);
  expect(JSON.stringify(parsed)).not.toContain('secret');
});

it('--auth none is for every loopback address', () => {
  for (const listen of ['127.0.0.1:0', '127.8.9.1:0', '[::1]:0', 'localhost:0']) {
    expect(parse('--auth', 'none', '--listen', listen)).toMatchObject({ auth: 'none' });
  }
  expect(['127.0.0.1.example', '10.0.0.1', 'example'].map(isLoopback)).toEqual([false, false, false]);
});

it('--help lists each flag with its variable and default', () => {
  const parsed = parseSettings(['--help']);
  if (parsed.kind !== 'exit') throw new Error('no help');
  expect(parsed.exitCode).toBe(0);
  const text = parsed.text.replace(/\s+/g, ' ');
  const flags = [...text.matchAll(/ --([a-z-]+) /g)].map(([, name]) => name!).filter((name) => name !== 'help');
  expect(flags.length).toBeGreaterThanOrEqual(11);
  for (const flag of flags) expect(text).toContain(`env: SLUICE_${flag.toUpperCase().replaceAll('-', '_')}`);
  expect(text).toContain('default: 127.0.0.1:7070');
});

it('addresses are written as they are read', () => {
  expect([formatAddress({ host: '::1', port: 1 }), formatAddress({ host: 'h', port: 2 })]).toEqual(['[::1]:1', 'h:2']);
});
