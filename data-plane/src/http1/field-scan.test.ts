import { expect, test } from 'vitest';
import { HeaderId, headerIdOf, ID_BY_NAME } from './header-id.ts';
import { createRequestHeadReader, type RequestHead } from './index.ts';

function idsOf(names: readonly string[]): readonly HeaderId[] {
  const lines = names.map((name) => `${name}: chunked\r\n`).join('');
  const bytes = Buffer.from(`GET http://a/ HTTP/1.0\r\n${lines}\r\n`, 'latin1');
  return (createRequestHeadReader().read(bytes, 0) as RequestHead).ids;
}

/** Not among them: those whose value would have to be another. */
const names = [...ID_BY_NAME.keys()].filter(
  (name) => !/^(host|content-length|transfer-encoding|expect|max-forwards)$/.test(name),
);

test('a name read from bytes has the id of the same name as text, in any letter case', () => {
  for (const spell of [(name: string) => name, (name: string) => name.toUpperCase()]) {
    const spelled = names.map(spell);
    expect(idsOf(spelled)).toEqual(spelled.map(headerIdOf));
  }
});

test('a name that differs in one character is not taken for a known one', () => {
  const altered = names.map((name) => `${name.slice(0, -1)}~`);
  expect(idsOf(altered)).toEqual(altered.map(headerIdOf));
  const twins = names.filter((name) => name.includes('-')).map((name) => name.replace('-', '_'));
  expect(idsOf(twins)).toEqual(twins.map(() => HeaderId.twin));
});
