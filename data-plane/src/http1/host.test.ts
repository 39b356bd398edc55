import { expect, test } from 'vitest';
import { parseHost } from './host.ts';

test.each([
  ['example.com', 'example.com', 0, 'example.com'],
  ['EXAMPLE.com', 'example.com', 0, 'example.com'],
  ['example.com.', 'example.com', 0, 'example.com'],
  ['example.com.:8080', 'example.com', 8080, 'example.com:8080'],
  ['a:080', 'a', 80, 'a:80'],
  ['a_b-c', 'a_b-c', 0, 'a_b-c'],
  ['127.0.0.1:65535', '127.0.0.1', 65535, '127.0.0.1:65535'],
  ['[::1]', '[::1]', 0, '[::1]'],
  ['[2001:DB8::1]:80', '[2001:db8::1]', 80, '[2001:db8::1]:80'],
  ['[::ffff:1.2.3.4]', '[::ffff:1.2.3.4]', 0, '[::ffff:1.2.3.4]'],
])('%s is read', (text, name, port, authority) => {
  expect(parseHost(text)).toEqual({ name, port, authority });
  // The second time it is remembered.
  expect(parseHost(text)).toEqual({ name, port, authority });
});

test.each([
  ...[
    '',
    '.',
    '.a',
    'a..b',
    'a..',
    ' a',
    'a ',
    'a b',
    'a\t',
    'a,b',
    'a, b',
    'u@a',
    'u:p@a',
    'a/b',
    'a?b',
    'a#b',
    'a\\b',
  ],
  ...[
    'a:',
    'a:0',
    'a:65536',
    'a:100000',
    'a:x',
    'a:+80',
    'a: 80',
    'a:80:80',
    ':80',
    '%61',
    "a'",
    'a;b',
    'a=b',
    'caf\u00e9',
  ],
  ...['[', '[]', '[::1', '::1', '[::1]x', '[::1]:', '[1.2.3.4]', '[fe80::1%25eth0]', '[:::]', '[g::1]', '[v1.a]'],
  ...['a\0', 'a\n', 'a\u212a', `${'a'.repeat(262)}`],
])('%j is refused', (text) => {
  expect(parseHost(text)).toBeUndefined();
});

test('more hosts than are remembered are read the same', () => {
  for (let i = 0; i < 3000; i++) expect(parseHost(`h${i}.example`)?.name).toBe(`h${i}.example`);
  expect(parseHost('h0.example')?.authority).toBe('h0.example');
});
