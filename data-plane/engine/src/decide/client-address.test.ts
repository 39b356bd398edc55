import { expect, test } from 'vitest';
import { clientAddress, plainAddress } from './client-address.ts';

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
])('behind a trusted proxy that says "%s" the client is %s', (forwardedFor, client) => {
  expect(clientAddress('10.0.0.1', forwardedFor, (address) => address.startsWith('10.'))).toBe(client);
});
