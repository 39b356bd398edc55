import { expect, test } from 'vitest';
import { clientAddress, forwardedNodes, plainAddress } from './client-address.ts';

test.each([
  ['::ffff:10.1.2.3', '10.1.2.3'],
  ['fe80::1%eth0', 'fe80::1'],
  ['10.1.2.3', '10.1.2.3'],
  [undefined, 'unknown'],
])('%s is shown as %s', (address, shown) => {
  expect(plainAddress(address)).toBe(shown);
});

test.each([
  ['', '10.0.0.1'],
  ['1.1.1.1', '1.1.1.1'],
  ['9.9.9.9, 1.1.1.1', '1.1.1.1'],
  ['1.1.1.1, 10.2.2.2', '1.1.1.1'],
  ['10.3.3.3, 10.2.2.2', '10.3.3.3'],
  ['1.1.1.1, <script>, 10.2.2.2', '10.2.2.2'],
  ['1.1.1.1:4711, 10.2.2.2:80', '1.1.1.1'],
  ['[2001:db8::1]:4711', '2001:db8::1'],
  ['[2001:db8::1]', '2001:db8::1'],
  ['[::ffff:1.1.1.1]:1', '1.1.1.1'],
  ['1.1.1.1:x, 10.2.2.2', '10.2.2.2'],
])('behind a trusted proxy that says "%s" the client is %s', (forwardedFor, client) => {
  expect(clientAddress('10.0.0.1', forwardedFor, (address) => address.startsWith('10.'))).toBe(client);
});

test.each([
  ['for=192.0.2.1', '192.0.2.1'],
  ['for=192.0.2.1;proto=http;by=203.0.113.43', '192.0.2.1'],
  ['proto=https; For="[2001:db8::1]:4711"', '[2001:db8::1]:4711'],
  ['for=192.0.2.1, for=unknown,FOR=_hidden', '192.0.2.1, unknown, _hidden'],
  ['by=a, proto=http', undefined],
  ['by="x, for=1.1.1.1";for=2.2.2.2', '2.2.2.2'],
  ['by="x\\", for=1.1.1.1", for=2.2.2.2', '2.2.2.2'],
  ['by="x, for=1.1.1.1', undefined],
  ['by="x, for=1.1.1.1\\', undefined],
  ['for="1.1.1.1, 2.2.2.2"', ''],
  ['xfor=1.1.1.1', undefined],
])('the nodes of Forwarded: %s are %s', (forwarded, nodes) => {
  expect(forwardedNodes(forwarded)).toBe(nodes);
});

test('are read in time that is linear in the field', () => {
  const timeOf = (length: number): number => {
    const text = '"\\'.repeat(length / 2);
    const started = performance.now();
    for (let i = 0; i < 20; i++) forwardedNodes(text);
    return performance.now() - started;
  };
  timeOf(1024);
  expect(timeOf(65_536)).toBeLessThan(Math.max(64 * timeOf(1024), 1) * 20);
});
