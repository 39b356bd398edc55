import { expect, test } from 'vitest';
import { LengthBody } from './index.ts';

test('a body of known length takes its bytes and leaves those behind it', () => {
  const body = new LengthBody();
  body.begin(5);
  expect(body.take(Buffer.from('xxab'), 2)).toBe(4);
  expect(body).toMatchObject({ remaining: 3, done: false });
  expect(body.take(Buffer.from('cdeGET'), 0)).toBe(3);
  expect(body.done).toBe(true);
  expect(body.take(Buffer.from('GET'), 0)).toBe(0);
  body.begin(0);
  expect(body.done).toBe(true);
});
