/** What the bytes of a plain API key say, as places in them: read without making anything. */
export interface ScannedKey {
  nameAt: number;
  nameLength: number;
  consumerAt: number;
  consumerLength: number;
  /** Of 32 bytes; 0: there is none. */
  hashAt: number;
  /** Of 32 bytes; 0: there is none. */
  previousHashAt: number;
  enabled: boolean;
  /** Unix milliseconds; Infinity: never. */
  expiresAtMs: number;
  /** As `expiresAtMs`, of the secret before the last rotation. */
  previousExpiresAtMs: number;
}

export function newScannedKey(): ScannedKey {
  return {
    nameAt: 0,
    nameLength: 0,
    consumerAt: 0,
    consumerLength: 0,
    hashAt: 0,
    previousHashAt: 0,
    enabled: false,
    expiresAtMs: Number.POSITIVE_INFINITY,
    previousExpiresAtMs: Number.POSITIVE_INFINITY,
  };
}

const VARINT = 0;
const BYTES = 2;
const HASH_BYTES = 32;

/**
 * Reads an encoded sluice.config.v1.ApiKey from `start` to `end` into `key`. False where it is not plain: with overrides, fields that
 * are not known, out of order or longer than 127 bytes, or text that is not ASCII. Then `key` means nothing, and the bytes are to be
 * decoded.
 */
export function scanApiKey(bytes: Uint8Array, start: number, end: number, key: ScannedKey): boolean {
  key.nameLength = 0;
  key.consumerLength = 0;
  key.hashAt = 0;
  key.previousHashAt = 0;
  key.enabled = false;
  key.expiresAtMs = Number.POSITIVE_INFINITY;
  key.previousExpiresAtMs = Number.POSITIVE_INFINITY;
  let last = 0;
  let at = start;
  while (at < end) {
    const tag = bytes[at++]!;
    const field = tag >>> 3;
    if (tag > 127 || field <= last) return false;
    last = field;
    if ((tag & 7) === VARINT) {
      if (field !== 6 || at >= end || bytes[at++] !== 1) return false;
      key.enabled = true;
      continue;
    }
    const length = at < end ? bytes[at++]! : 128;
    if ((tag & 7) !== BYTES || length > 127 || at + length > end) return false;
    if (!takeField(bytes, field, at, length, key)) return false;
    at += length;
  }
  return key.nameLength > 0 && key.consumerLength > 0;
}

function takeField(bytes: Uint8Array, field: number, at: number, length: number, key: ScannedKey): boolean {
  switch (field) {
    case 1:
      key.nameAt = at;
      key.nameLength = length;
      return isAscii(bytes, at, length);
    case 2:
      key.consumerAt = at;
      key.consumerLength = length;
      return isAscii(bytes, at, length);
    case 3:
      key.hashAt = at;
      return length === HASH_BYTES;
    case 4:
    case 10:
      return field === 4 || !Number.isNaN(readTimestampMs(bytes, at, at + length));
    case 5:
      key.expiresAtMs = readTimestampMs(bytes, at, at + length);
      return !Number.isNaN(key.expiresAtMs);
    case 8:
      key.previousHashAt = at;
      return length === HASH_BYTES;
    case 9:
      key.previousExpiresAtMs = readTimestampMs(bytes, at, at + length);
      return !Number.isNaN(key.previousExpiresAtMs);
    default:
      return false;
  }
}

function isAscii(bytes: Uint8Array, at: number, length: number): boolean {
  for (let i = at; i < at + length; i++) if (bytes[i]! > 127) return false;
  return true;
}

/** NaN where it is not plain: before 1970, or with anything but seconds and then nanoseconds. */
function readTimestampMs(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  let ms = 0;
  let last = 0;
  while (at < end) {
    const tag = bytes[at++]!;
    if (tag <= last || (tag !== SECONDS && tag !== NANOS)) return Number.NaN;
    last = tag;
    let value = 0;
    let scale = 1;
    for (;;) {
      if (at >= end || scale > LARGEST_SCALE) return Number.NaN;
      const byte = bytes[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) break;
      scale *= 128;
    }
    ms += tag === SECONDS ? value * 1000 : value / 1e6;
  }
  return ms;
}

const SECONDS = 0x08;
const NANOS = 0x10;
/** Of the seventh byte of a number: what is longer is no moment that anyone means. */
const LARGEST_SCALE = 128 ** 6;
