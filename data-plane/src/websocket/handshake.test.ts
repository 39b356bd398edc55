import { expect, test } from 'vitest';
import {
  closeFrame,
  GOING_AWAY,
  isWebSocketKey,
  maskedCloseFrame,
  POLICY_VIOLATION,
  webSocketAccept,
} from './index.ts';

test('the example of RFC 6455 1.3', () => {
  expect(webSocketAccept('dGhlIHNhbXBsZSBub25jZQ==')).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
});

test.each([
  ['dGhlIHNhbXBsZSBub25jZQ==', true],
  [undefined, false],
  ['', false],
  ['dGhlIHNhbXBsZSBub25jZQ', false],
  ['dGhlIHNhbXBsZSBub25jZQ=', false],
  ['dGhlIHNhbXBsZSBub25jZTE=', false],
  ['dGhlIHNhbXBsZSBub25j', false],
  ['dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==', false],
  ['dGhlIHNhbXBsZSBub25_ZQ==', false],
])('of keys, %s: %s', (key, valid) => {
  expect(isWebSocketKey(key)).toBe(valid);
});

test('a Close frame says its code, masked where it is a client’s', () => {
  expect(closeFrame(GOING_AWAY).toString('hex')).toBe('880203e9');
  expect(closeFrame(POLICY_VIOLATION).toString('hex')).toBe('880203f0');
  expect(maskedCloseFrame(GOING_AWAY, Buffer.from('01020304', 'hex')).toString('hex')).toBe('88820102030402eb');
});
