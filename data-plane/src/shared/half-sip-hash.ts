/** 64 bits of a keyed hash, as two Int32. */
export interface Hash64 {
  lo: number;
  hi: number;
}

/**
 * HalfSipHash-2-4 with 64 bits of output over four bytes of `domain` (little endian) and the UTF-16LE code units of `text`, written
 * to `out`. Keyed, so that who does not know the key cannot choose texts that collide.
 */
export function halfSipHash(key: readonly [number, number], domain: number, text: string, out: Hash64): void {
  let v0 = key[0];
  let v1 = key[1] ^ 0xee;
  let v2 = 0x6c796765 ^ key[0];
  let v3 = 0x74656462 ^ key[1];
  const bytes = 4 + 2 * text.length;
  const words = (bytes >>> 2) + 1;
  // One word of the message a turn, the word of the length last; then four turns for each half of the result.
  for (let turn = 0; turn < words; turn++) {
    const word = turn === 0 ? domain : turn === words - 1 ? lastWord(text, bytes) : pair(text, (turn - 1) * 2);
    v3 ^= word;
    for (let round = 0; round < 2; round++) {
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
    }
    v0 ^= word;
  }
  v2 ^= 0xee;
  for (let round = 0; round < 8; round++) {
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    if (round === 3) {
      out.lo = v1 ^ v3;
      v1 ^= 0xdd;
    }
  }
  out.hi = v1 ^ v3;
}

function pair(text: string, at: number): number {
  return text.charCodeAt(at) | (text.charCodeAt(at + 1) << 16);
}

function lastWord(text: string, bytes: number): number {
  const rest = text.length & 1 ? text.charCodeAt(text.length - 1) : 0;
  return (bytes << 24) | rest;
}
