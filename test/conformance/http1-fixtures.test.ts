import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readRequests, readResponses, type Splits } from '../fuzz/http1-codec.ts';
import type { Reading } from '../fuzz/http1-message.ts';
import { countedOtherwise, lenientCases, stricterThanLlhttp } from './http1-differences.ts';

interface Fixture {
  readonly src: string;
  readonly name: string;
  readonly type: string;
  readonly raw: string;
  readonly verdict: 'ok' | 'error';
  readonly complete: number;
}

const root = join(import.meta.dirname, '..', '..');
const path = join(process.env.SLUICE_SHARED_DIR ?? join(root, '..', 'shared'), 'data', 'llhttp-fixtures.json');
const present = existsSync(path);
if (!present) console.log('skipped: no llhttp fixtures beside the project (SLUICE_SHARED_DIR)');
const fixtures: readonly Fixture[] = present ? JSON.parse(readFileSync(path, 'utf8')).cases : [];

describe.skipIf(!present)('the messages llhttp is tested with', () => {
  test('are there', () => {
    expect(fixtures).toHaveLength(251);
  });

  test('are read the same way wherever they are split', () => {
    for (const fixture of fixtures) {
      const bytes = messageOf(fixture);
      const whole = read(fixture, bytes, []);
      for (let at = 1; at < bytes.length; at++) {
        expect(read(fixture, bytes, [at]), `${keyOf(fixture)} split at ${at}`).toEqual(whole);
      }
      const everywhere = Array.from({ length: bytes.length - 1 }, (_, i) => i + 1);
      expect(read(fixture, bytes, everywhere), `${keyOf(fixture)} byte by byte`).toEqual(whole);
    }
  });

  test('are refused where llhttp refuses them', () => {
    const accepted = fixtures.filter((fixture) => {
      const { clean, messages } = read(fixture, messageOf(fixture), []);
      return fixture.verdict === 'error' && (clean || messages.length > fixture.complete);
    });
    expect(accepted.map(keyOf)).toEqual([]);
  });

  test('are accepted where llhttp accepts them, but for those on the list', () => {
    const refused = fixtures.filter((fixture) => fixture.verdict === 'ok' && !isLenient(fixture) && isRefused(fixture));
    expect(refused.map(keyOf).sort()).toEqual(Object.keys(stricterThanLlhttp).sort());
  });

  test('are refused where llhttp needs a leniency flag to take them, and strict llhttp would not', () => {
    const lenient = fixtures.filter(isLenient);
    for (const fixture of lenient) expect(Object.keys(lenientCases)).toContain(flagOf(fixture));
    const taken = lenient.filter((fixture) => fixture.verdict === 'ok' && !isRefused(fixture));
    expect(taken.map(keyOf)).toEqual([]);
  });

  test('count as many complete messages as llhttp counts', () => {
    const otherwise = fixtures.filter((fixture) => {
      if (fixture.verdict === 'error' || isLenient(fixture) || isRefused(fixture)) return false;
      const { messages } = read(fixture, messageOf(fixture), []);
      // A body that ends with the connection is complete when the connection ends, which llhttp was not told.
      const atEnd = fixture.type.startsWith('response') && messages.length === fixture.complete + 1;
      return messages.length !== fixture.complete && !atEnd;
    });
    expect(otherwise.map(keyOf).sort()).toEqual(Object.keys(countedOtherwise).sort());
  });
});

/** The fixture's bytes; requests get the Host that HTTP/1.1 asks for, since that is not what they are about. */
function messageOf({ raw, type }: Fixture): Buffer {
  const bytes = Buffer.from(raw, 'base64');
  if (!type.startsWith('request')) return bytes;
  const text = bytes
    .toString('latin1')
    .replace(/(?<=^|\n)[A-Z-]+ \S+ HTTP\/1\.[01]\r\n(?![\s\S]*?^host:)/gim, (line) => {
      return `${line}Host: example.com\r\n`;
    });
  return Buffer.from(text, 'latin1');
}

function read({ type }: Fixture, bytes: Buffer, splits: Splits): Reading {
  return type.startsWith('request') ? readRequests(bytes, splits) : readResponses(bytes, Array(9).fill('GET'), splits);
}

function isRefused(fixture: Fixture): boolean {
  const { clean, why } = read(fixture, messageOf(fixture), []);
  return !clean && why !== 'truncated';
}

function isLenient({ type }: Fixture): boolean {
  return type.includes('lenient');
}

function flagOf({ type }: Fixture): string {
  return type.replace(/^(request|response)-/, '');
}

function keyOf({ src, name }: Fixture): string {
  return `${src.replace('llhttp/', '')}: ${name}`;
}
