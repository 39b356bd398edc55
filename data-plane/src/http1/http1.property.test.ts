import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { HeadLimits } from './head-reader.ts';
import {
  CHUNK_END,
  CHUNKED_END,
  ChunkedDecoder,
  chunkHeader,
  createRequestHeadReader,
  fieldLine,
  HeadWriter,
  parseHost,
  REQUEST_DROP,
  type Refusal,
  type RequestHead,
  relayChunked,
} from './index.ts';

const tiny: HeadLimits = { targetBytes: 6, headerBytes: 40, headerCount: 3 };

/** Texts made of the pieces that mean something to the parser, so that most come close to being a head. */
const nearlyHeads = fc
  .array(
    fc.constantFrom(
      ...['GET', ' ', '/', '/a?b', 'HTTP/1.1', '\r\n', '\r\n', '\r', '\n', 'Host: a', 'Host:a', ':', 'X: b', 'X', '\t'],
      ...['Content-Length: 1', 'Transfer-Encoding: chunked', '\0', '\x7f', '\xff', 'aaaaaaaa', 'GET / HTTP/1.1\r\n'],
    ),
    { maxLength: 24 },
  )
  .map((parts) => Buffer.from(parts.join(''), 'latin1'));

function verdictOf(bytes: Buffer, cuts: readonly number[]): Partial<RequestHead> | Refusal | 'more' {
  const reader = createRequestHeadReader(tiny);
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    const verdict = reader.read(bytes.subarray(from, to), 0);
    if (verdict?.ok === true) return { ...verdict, text: '', lines: [from + reader.end] };
    if (verdict !== undefined) return verdict;
    from = to;
  }
  return 'more';
}

test('a head means the same wherever its bytes are split, also at its limits', () => {
  fc.assert(
    fc.property(nearlyHeads, fc.array(fc.nat(1000), { maxLength: 5 }), (bytes, places) => {
      const whole = verdictOf(bytes, []);
      const cuts = places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b);
      expect(verdictOf(bytes, cuts)).toEqual(whole);
      expect(verdictOf(bytes, [...bytes.keys()])).toEqual(whole);
    }),
    { numRuns: 6000 },
  );
});

const names = fc.stringMatching(/^[!#$%&'*+\-.^`|~0-9A-Za-z]{1,20}$/).map((name) => `x${name}`);
const values = fc.stringMatching(/^(|[\x21-\x7e\x80-\xff]([\t\x20-\x7e\x80-\xff]{0,30}[\x21-\x7e\x80-\xff])?)$/);
const blanks = fc.stringMatching(/^[ \t]{0,3}$/);

test('what is forwarded is read again as what was received', () => {
  const fields = fc.array(fc.tuple(names, blanks, values, blanks), { maxLength: 12 });
  fc.assert(
    fc.property(fields, fc.stringMatching(/^\/[\x21\x22\x24-\x7e]{0,30}$/), fc.nat(200), (list, path, cut) => {
      const lines = list.map(([name, before, value, after]) => `${name}:${before}${value}${after}\r\n`);
      const bytes = Buffer.from(`PUT ${path} HTTP/1.1\r\nHost: h\r\n${lines.join('')}\r\n`, 'latin1');
      const reader = createRequestHeadReader();
      const first = reader.read(bytes.subarray(0, cut), 0) ?? reader.read(bytes.subarray(cut), 0);
      const writer = new HeadWriter();
      const received = first as RequestHead;
      writer.request(received.method, received.path, received.host);
      writer.forward(received, REQUEST_DROP);
      const written = Buffer.from(writer.end() as string, 'latin1');
      const again = createRequestHeadReader().read(written, 0) as RequestHead;
      expect(again.headers).toEqual(['Host', 'h', ...list.flatMap(([name, , value]) => [name, value])]);
      expect(again.path).toBe(path);
    }),
    { numRuns: 2000 },
  );
});

test('a field line that is written is read back as the one field it was', () => {
  const texts = fc.oneof(values, fc.string({ unit: 'binary' }), fc.constantFrom('a\r\nb: c', 'a\n', '\0'));
  fc.assert(
    fc.property(fc.oneof(names, texts), texts, (name, value) => {
      const line = fieldLine(`x-${name}`, value);
      if (line === undefined) return;
      const head = createRequestHeadReader().read(Buffer.from(`GET / HTTP/1.0\r\n${line}\r\n`, 'latin1'), 0);
      expect((head as RequestHead).headers).toEqual([`x-${name}`, value.replace(/^[ \t]+|[ \t]+$/g, '')]);
    }),
    { numRuns: 3000 },
  );
});

test('a payload written in chunks is relayed and decoded to itself, however it is split', () => {
  const payloads = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 8 });
  const extensions = fc.constantFrom('', '', ';a', ';a=b', ';a="b;\\"c"');
  const places = fc.array(fc.nat(400), { maxLength: 8 });
  fc.assert(
    fc.property(payloads, extensions, places, (chunks, extension, cutPlaces) => {
      const payload = Buffer.concat(chunks).toString('latin1');
      const framed = (suffix: string) =>
        chunks.map((chunk) => {
          const header = chunkHeader(chunk.length).replace('\r\n', `${suffix}\r\n`);
          return `${header}${Buffer.from(chunk).toString('latin1')}${CHUNK_END}`;
        });
      const bytes = Buffer.from(`${framed(extension).join('')}${CHUNKED_END}next`, 'latin1');
      const cuts = cutPlaces.map((place) => place % bytes.length).sort((a, b) => a - b);
      const relayed = relayAll(bytes, cuts);
      expect(relayed).toBe(`${framed('').join('')}${CHUNKED_END}`);
      expect(decodeAll(Buffer.from(relayed, 'latin1'), cuts)).toBe(payload);
    }),
    { numRuns: 2000 },
  );
});

test('a host that is read is read again from its one spelling', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-zA-Z0-9._:[\]-]{0,20}$/), (text) => {
      const host = parseHost(text);
      if (host !== undefined) expect(parseHost(host.authority)).toEqual(host);
    }),
    { numRuns: 5000 },
  );
});

function relayAll(bytes: Buffer, cuts: readonly number[]): string {
  const decoder = new ChunkedDecoder();
  let sent = '';
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    const relayed = relayChunked(decoder, Buffer.from(bytes.subarray(from, to)), 0, false);
    if (!relayed.ok) throw new Error(relayed.detail);
    sent += relayed.bytes.toString('latin1');
    if (relayed.done) return sent;
    from = to;
  }
  throw new Error('not complete');
}

function decodeAll(bytes: Buffer, cuts: readonly number[]): string {
  const decoder = new ChunkedDecoder();
  let payload = '';
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    const chunk = Buffer.from(bytes.subarray(from, Math.max(from, to)));
    for (let at = 0; decoder.next(chunk, at) === 'data'; at = decoder.end) {
      payload += chunk.toString('latin1', decoder.dataStart, decoder.dataEnd);
    }
    from = Math.max(from, to);
  }
  return payload;
}
