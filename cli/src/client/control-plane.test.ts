import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findDestination, type ServerFlags } from './control-plane.ts';

let folder: string;
let env: NodeJS.ProcessEnv;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-destination-'));
  const contexts = [
    { name: 'one', server: 'http://one:1', token: 'token-one' },
    { name: 'two', server: 'http://two:2', token: 'token-two' },
  ];
  env = { SLUICE_CONTEXT_FILE: join(folder, 'contexts.yaml') };
  writeFileSync(env.SLUICE_CONTEXT_FILE!, JSON.stringify({ currentContext: 'one', contexts }));
  writeFileSync(join(folder, 'lost.yaml'), JSON.stringify({ currentContext: 'gone', contexts }));
  writeFileSync(join(folder, 'broken.yaml'), '[');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('where to go', () => {
  test.each<[string, ServerFlags, string, string | undefined]>([
    ['the current context', {}, 'http://one:1', 'token-one'],
    ['the context that is named', { context: 'two' }, 'http://two:2', 'token-two'],
    ['the server given, without a token of another server', { server: 'http://three:3' }, 'http://three:3', undefined],
    ['the server given, with the token of its context', { server: 'two:2' }, 'two:2', 'token-two'],
    ['the server given, not a context’s on TLS', { server: 'https://two:2' }, 'https://two:2', undefined],
    [
      'the server given, not the one of the context named',
      { server: 'http://one:1', context: 'two' },
      'http://one:1',
      undefined,
    ],
    ['the token given', { token: 'mine' }, 'http://one:1', 'mine'],
    ['nothing given is as not given', { server: '', token: '', context: '' }, 'http://one:1', 'token-one'],
  ])('%s', (_, flags, server, token) => {
    expect(findDestination(flags, env)).toEqual({ server, token });
  });

  test('without a context file it is the default', () => {
    const none = { SLUICE_CONTEXT_FILE: join(folder, 'none.yaml') };
    expect(findDestination({}, none)).toEqual({ server: 'http://127.0.0.1:7070', token: undefined });
  });

  test('a broken context file does not matter where it is not needed', () => {
    const broken = { SLUICE_CONTEXT_FILE: join(folder, 'broken.yaml') };
    expect(findDestination({ server: 'http://a:1', token: 't' }, broken)).toEqual({ server: 'http://a:1', token: 't' });
    expect(() => findDestination({ server: 'http://a:1' }, broken)).toThrow(/is no YAML/);
  });

  test.each<[ServerFlags, RegExp]>([
    [{ server: 'ftp://a' }, /"ftp:\/\/a" is no server address: write it as http:\/\/HOST:PORT/],
    [{ server: 'http://a:1/path' }, /is no server address/],
    [{ context: 'three' }, /there is no context three in .*; see: gatewayctl context list/],
    [{ token: 'a\nb' }, /the token has characters that no token has/],
  ])('%j leads nowhere', (flags, message) => {
    expect(() => findDestination(flags, env)).toThrow(message);
  });

  test('a current context that is not there is said, and no server guessed', () => {
    const lost = { SLUICE_CONTEXT_FILE: join(folder, 'lost.yaml') };
    expect(() => findDestination({}, lost)).toThrow(/has no context gone, its current one; choose one with/);
  });
});
