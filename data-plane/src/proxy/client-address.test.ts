import { expect, test } from 'vitest';
import { addressGroup, clientAddress, plainAddress } from './client-address.ts';
import { withoutQueryParameter } from './query-parameter.ts';

test.each([
  ['::ffff:10.1.2.3', '10.1.2.3'],
  ['fe80::1%eth0', 'fe80::1'],
  ['10.1.2.3', '10.1.2.3'],
  [undefined, 'unknown'],
])('%s is shown as %s', (address, shown) => {
  expect(plainAddress(address)).toBe(shown);
});

test.each([
  ['10.1.2.3', '10.1.2.3'],
  ['2001:db8::1', '2001:db8:0:0'],
  ['2001:DB8:0:0:1:2:3:4', '2001:db8:0:0'],
  ['2001:db8:0:1::', '2001:db8:0:1'],
  ['::1', '0:0:0:0'],
  ['64:ff9b::10.0.0.1', '64:ff9b:0:0'],
])('%s is counted as %s', (address, group) => {
  expect(addressGroup(address)).toBe(group);
});

test.each([
  ['', '10.0.0.1'],
  ['1.1.1.1', '1.1.1.1'],
  ['9.9.9.9, 1.1.1.1', '1.1.1.1'],
  ['1.1.1.1, 10.2.2.2', '1.1.1.1'],
  ['10.3.3.3, 10.2.2.2', '10.3.3.3'],
  ['1.1.1.1, <script>, 10.2.2.2', '10.2.2.2'],
])('behind a trusted proxy that says "%s" the client is %s', (forwardedFor, client) => {
  expect(clientAddress('10.0.0.1', forwardedFor, (address) => address.startsWith('10.'))).toBe(client);
});

test.each([
  ['', ''],
  ['?a=1', '?a=1'],
  ['?key=1', ''],
  ['?a=1&key=2&b', '?a=1&b'],
  ['?key=1&k%65y=2&c=%20+&', '?c=%20+&'],
  ['?keys=1&akey=2', '?keys=1&akey=2'],
])('"%s" without key is "%s"', (query, rest) => {
  expect(withoutQueryParameter(query, 'key')).toBe(rest);
});
