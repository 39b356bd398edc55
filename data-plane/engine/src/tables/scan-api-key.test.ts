import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { ApiKeySchema } from '@sluice/proto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { buildApiKey } from './build-api-key.ts';
import { newScannedKey, scanApiKey } from './scan-api-key.ts';

const slot = () => 1;
const slots = { route: slot, service: slot, endpoint: slot, limit: slot, policy: slot };

/** What is scanned, in the words of what is built. */
function scan(content: Uint8Array): unknown {
  const key = newScannedKey();
  if (!scanApiKey(content, 0, content.length, key)) return 'not plain';
  const text = (at: number, length: number) => Buffer.from(content.subarray(at, at + length)).toString();
  const hex = (at: number) => Buffer.from(content.subarray(at, at + 32)).toString('hex');
  const secrets = [{ hash: hex(key.hashAt), expiresAtMs: key.expiresAtMs }];
  if (key.previousHashAt > 0) {
    secrets.push({ hash: hex(key.previousHashAt), expiresAtMs: Math.min(key.expiresAtMs, key.previousExpiresAtMs) });
  }
  return {
    kind: 'ApiKey',
    name: text(key.nameAt, key.nameLength),
    consumer: text(key.consumerAt, key.consumerLength),
    secrets: key.enabled ? secrets : [],
    overrides: undefined,
  };
}

const label = fc.stringMatching(/^[a-z0-9-]{1,63}$/);
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
const timestamp = fc.option(
  fc.record({
    seconds: fc.bigInt({ min: 0n, max: 253_402_300_799n }),
    nanos: fc.integer({ min: 0, max: 999_999_999 }),
  }),
  { nil: undefined },
);

test('what is scanned of a key is what is built of it', () => {
  const key = fc.record({
    ...{ name: label, consumer: label, hash, prefix: fc.stringMatching(/^[a-z0-9_]{0,16}$/), enabled: fc.boolean() },
    ...{ expiresAt: timestamp, previousExpiresAt: timestamp, createdAt: timestamp },
    previousHash: fc.option(hash, { nil: new Uint8Array() }),
  });
  fc.assert(
    fc.property(key, (init) => {
      const content = toBinary(ApiKeySchema, create(ApiKeySchema, init as never));
      expect(scan(content)).toEqual(buildApiKey(init.name, fromBinary(ApiKeySchema, content), slots));
    }),
  );
});

test('what is not plain is left to the decoder, and bytes that are no key harm nothing', () => {
  const plain = { name: 'k', consumer: 'c', hash: new Uint8Array(32), enabled: true };
  const bytesOf = (more: object) => toBinary(ApiKeySchema, create(ApiKeySchema, { ...plain, ...more }));
  const other = [
    bytesOf({ rateLimits: [{ name: 'l' }] }),
    bytesOf({ name: 'é' }),
    bytesOf({ hash: new Uint8Array(31) }),
    bytesOf({ expiresAt: { seconds: -1n } }),
    bytesOf({ consumer: 'c'.repeat(128) }),
    Buffer.concat([bytesOf({}), Buffer.from([0xf8, 0x3f, 1])]),
    Buffer.concat([bytesOf({}), Buffer.from([0x12, 1, 0x78])]),
    bytesOf({}).subarray(0, -1),
  ];
  for (const bytes of other) expect(scan(bytes)).toBe('not plain');
  expect(scan(bytesOf({}))).not.toBe('not plain');
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      scan(bytes);
    }),
  );
});
