import { type SmugglingCase, TARGET } from './case.ts';

/** Host, and its disagreement with the target. */
export function hostCases(): SmugglingCase[] {
  const cases: SmugglingCase[] = [];
  const add = (
    name: string,
    target: string,
    hosts: readonly string[],
    version: string,
    verdict: SmugglingCase['verdict'],
  ) => {
    const lines = hosts.map((host) => `${host}\r\n`).join('');
    cases.push({
      name: `${name}${target === TARGET ? '' : ' with an absolute target'} in HTTP/${version}`,
      bytes: `GET ${target} HTTP/${version}\r\nX-Case: 00000\r\n${lines}\r\n`,
      most: 1,
      ...(verdict && { verdict }),
    });
  };
  for (const version of ['1.1', '1.0']) {
    for (const target of [TARGET, `http://i${TARGET}`]) {
      for (const value of REFUSED) add(`Host ${JSON.stringify(value)}`, target, [`Host: ${value}`], version, 'refused');
      for (const value of TAKEN) add(`Host ${JSON.stringify(value)}`, target, [`Host: ${value}`], version, 'forwarded');
      for (const lines of TWICE) add(`Hosts ${JSON.stringify(lines)}`, target, lines, version, 'refused');
      const isOld = version === '1.0';
      add('no Host', target, [], version, isOld ? 'forwarded' : 'refused');
      add('an empty Host', target, ['Host:'], version, isOld || target !== TARGET ? 'forwarded' : 'refused');
      add('a blank Host', target, ['Host:  \t'], version, isOld || target !== TARGET ? 'forwarded' : 'refused');
    }
  }
  return cases;
}

const REFUSED = [
  ...[
    'a,b',
    'a, b',
    'a b',
    'u@h',
    'u:p@h',
    '@h',
    'h@',
    'h/',
    'h/p',
    'h?a',
    'h#a',
    'h\\',
    'http://h',
    '//h',
    'h:',
    'h:x',
    'h:80x',
    'h:-1',
    'h:+80',
  ],
  ...[
    'h:0',
    'h:65536',
    'h:99999',
    'h:080808',
    'h:80:80',
    'h::80',
    ':80',
    ':',
    '.',
    '..',
    '.h',
    'h..',
    'h..i',
    'a..b.c',
    '[::1',
    '::1',
    '[::1]x',
    '[::1]80',
  ],
  ...[
    '[::1]:',
    '[]',
    '[g::]',
    '[::1%25eth0]',
    '[::1%eth0]',
    '[v1.x]',
    '[127.0.0.1]',
    '[[::1]]',
    'h%00',
    'h%2e',
    '%68',
    'h;i',
    "h'",
    '"h"',
    '<h>',
    '{h}',
  ],
  ...[
    'h|i',
    'h^',
    'h`',
    'h!',
    'h$',
    'h&',
    'h*',
    '*',
    '*.h',
    'h(',
    'h)',
    'h+',
    'h=',
    'h~',
    '\xe9',
    'h\xff',
    'h\t80',
    'h\x0bi',
    'h\0',
    'a'.repeat(300),
    'h: 80',
  ],
];

const TAKEN = [
  ...[
    'h',
    'H',
    'a.b',
    'A.B.C',
    'h.',
    'h:80',
    'h:080',
    'h.:80',
    'h:1',
    'h:65535',
    '127.0.0.1',
    '127.0.0.1:8080',
    '[::1]',
    '[::1]:80',
    '[::FFFF:127.0.0.1]',
  ],
  ...[
    'a-b',
    'a_b',
    '1',
    '0x7f.1',
    'xn--a',
    'localhost',
    '-a',
    'a-',
    '999.999.999.999',
    'a'.repeat(63),
    ' h',
    'h ',
    '\th',
  ],
];

const TWICE = [
  ...[
    ['Host: h', 'Host: i'],
    ['Host: h', 'Host: h'],
    ['Host:', 'Host: h'],
    ['Host: h', 'Host:'],
    ['host: h', 'HOST: i'],
    ['Host: h', 'Host : i'],
  ],
  ...[
    ['Host : h'],
    [' Host: h'],
    ['Host: h', ' Host: i'],
    ['Host: h\r\n i'],
    ['Host:\r\n h'],
    ['Host: h', 'X: y', 'Host: i'],
  ],
];
