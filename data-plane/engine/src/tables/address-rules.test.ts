import { describe, expect, test } from 'vitest';
import { compileNetworks } from './address-rules.ts';
import { CannotBuild } from './cannot-build.ts';

describe('networks', () => {
  test.each([
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.0.0.0/8', '::ffff:10.0.0.1', true],
    ['192.0.2.7', '192.0.2.7', true],
    ['192.0.2.7', '192.0.2.8', false],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['::/0', '203.0.113.9', false],
    ['2001:db8::/32', '2001:db8:1::1', true],
    ['::ffff:10.0.0.0/104', '10.1.2.3', true],
    ['::ffff:10.0.0.1', '::ffff:a00:1', true],
    ['fe80::/10', 'fe80::1%eth0', true],
    ['10.0.0.0/8', 'no address', false],
    ['10.0.0.0/8', '', false],
  ])('%s and %s: %s', (network, address, expected) => {
    expect(compileNetworks([network])(address)).toBe(expected);
  });

  test('none hold nothing; of several, one is enough', () => {
    expect(compileNetworks([])('10.0.0.1')).toBe(false);
    expect(compileNetworks(['192.0.2.0/24', '10.0.0.0/8'])('10.0.0.1')).toBe(true);
  });

  test.each(['10.0.0.0/33', 'everything', '', '10.0.0.0/'])('%j is none', (text) => {
    expect(() => compileNetworks([text])).toThrow(CannotBuild);
  });
});
