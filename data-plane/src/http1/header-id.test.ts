import { expect, test } from 'vitest';
import { HEADER_ID_COUNT, HeaderId, headerIdOf, ID_BY_NAME, isTwin } from './header-id.ts';

test.each([
  ['Host', HeaderId.host],
  ['hOST', HeaderId.host],
  ['X-Forwarded-For', HeaderId.forwardedFor],
  ['X-Forwarded-Port', HeaderId.forwardedOther],
  ['x-forwarded-', HeaderId.forwardedOther],
  ['X-Consumer', HeaderId.consumer],
  ['X-Consumer-Id', HeaderId.consumer],
  ['x-consumers', HeaderId.other],
  ['content_length', HeaderId.twin],
  ['Content-Length-X', HeaderId.other],
  ['a_b', HeaderId.other],
  ['__proto__', HeaderId.other],
  ['constructor', HeaderId.other],
  ['12345', HeaderId.other],
])('%s has its id', (name, id) => {
  expect(headerIdOf(name)).toBe(id);
  expect(headerIdOf(name)).toBe(id);
});

test.each(['content_length', 'Transfer_Encoding', 'X_FORWARDED_FOR', 'X-Forwarded_For', 'x_consumer_id', 'x_real-ip'])(
  '%s is an underscore twin',
  (name) => {
    expect(isTwin(name)).toBe(true);
  },
);

test.each(['content-length', 'content__length', '_content_length', 'x_custom', 'DCLK_imp', ''])(
  '%s is none',
  (name) => {
    expect(isTwin(name)).toBe(false);
  },
);

test('ids are distinct and below the count', () => {
  const ids = Object.values(HeaderId);
  expect(new Set(ids).size).toBe(ids.length);
  expect(Math.max(...ids)).toBe(HEADER_ID_COUNT - 1);
  expect(new Set(ID_BY_NAME.values()).size).toBe(ID_BY_NAME.size);
});
