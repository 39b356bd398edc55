import { expect, test } from 'vitest';
import {
  createRequestHeadReader,
  fieldValue,
  HeaderId,
  joinedFieldValue,
  namedFieldValue,
  type RequestHead,
} from './index.ts';

const lines = ['Host: a', 'X-Forwarded-For: 1', 'X-My-Field: a', 'x-forwarded-for: 2', 'x-my-FIELD: b', 'Cookie:'];
const bytes = Buffer.from(`GET / HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
const head = createRequestHeadReader().read(bytes, 0) as RequestHead;

test('a known field is found by its id, the first or all', () => {
  expect(fieldValue(head, HeaderId.forwardedFor)).toBe('1');
  expect(joinedFieldValue(head, HeaderId.forwardedFor)).toBe('1, 2');
  expect(joinedFieldValue(head, HeaderId.cookie)).toBe('');
  expect(fieldValue(head, HeaderId.origin)).toBeUndefined();
  expect(joinedFieldValue(head, HeaderId.origin)).toBeUndefined();
});

test('any field is found by its name in lower case', () => {
  expect(namedFieldValue(head, 'x-my-field')).toBe('a, b');
  expect(namedFieldValue(head, 'x-my-fiel')).toBeUndefined();
  expect(namedFieldValue(head, '__proto__')).toBeUndefined();
});
