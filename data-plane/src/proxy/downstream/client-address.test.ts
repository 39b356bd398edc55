import { expect, test } from 'vitest';
import { addressGroup } from './client-address.ts';

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
