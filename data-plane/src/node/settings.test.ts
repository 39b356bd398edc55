import { describe, expect, test } from 'vitest';
import { parseSettings, type Settings } from './settings.ts';

function parse(...args: readonly string[]): Settings | string {
  const parsed = parseSettings(args);
  return parsed.kind === 'run' ? parsed.settings : parsed.text;
}

describe('the settings of a node', () => {
  test('name several control planes, in the order in which they are tried', () => {
    expect(parse('--control-plane', 'http://a:1, https://b:2')).toMatchObject({
      controlPlanes: ['http://a:1', 'https://b:2'],
    });
    expect(parse()).toMatchObject({ controlPlanes: ['http://127.0.0.1:7070'] });
  });

  test.each(['', 'http://a:1,', 'ftp://a', 'http://a/path'])('refuse %j as addresses of control planes', (text) => {
    expect(parse('--control-plane', text)).toMatch(/^option '--control-plane .*http:\/\/HOST:PORT/);
  });

  test.each([
    [[], undefined],
    [['off'], undefined],
    [['1s'], 1_000],
    [['90s'], 90_000],
    [['10m'], 600_000],
    [['30d'], 30 * 86_400_000],
  ])('take %j as how long credentials are believed', ([given], maxStalenessMs) => {
    expect(parse(...(given === undefined ? [] : ['--max-staleness', given]))).toMatchObject({ maxStalenessMs });
  });

  test.each(['', '0s', '999ms', '31d', '721h', '-1s', '1.5h', 'never'])('refuse %j as how long that is', (text) => {
    expect(parse('--max-staleness', text)).toMatch(/^option '--max-staleness .*from 1s to 30d/);
  });

  test('keep the cache of each node apart', () => {
    expect(parse('--node-id', 'n7')).toMatchObject({ cacheDir: '.sluice/nodes/n7' });
  });
});
