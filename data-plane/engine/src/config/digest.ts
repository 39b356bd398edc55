import { hash } from 'node:crypto';

/** SHA-256 over kind, 0x00, name, 0x00 and the stored bytes: what an item adds to a set's digest. 32 bytes. */
export function hashItem(kind: string, name: string, content: Uint8Array): Uint8Array {
  const longest = 3 * (kind.length + name.length) + 2 + content.length;
  const input = longest <= SCRATCH_BYTES ? scratch : Buffer.allocUnsafeSlow(longest);
  let length = input.write(`${kind}\0${name}\0`, 0, 'utf8');
  input.set(content, length);
  length += content.length;
  // As text, which is an object of the engine's own: a buffer of its own for each of a million hashes is what makes an allocator's memory
  // grow.
  const digest = hash('sha256', input.subarray(0, length), 'latin1');
  const bytes = new Uint8Array(HASH_BYTES);
  for (let i = 0; i < HASH_BYTES; i++) bytes[i] = digest.charCodeAt(i);
  return bytes;
}

const HASH_BYTES = 32;
const SCRATCH_BYTES = 4096;
/** What is hashed, put together here where it fits. */
const scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);

/**
 * The digest of a set of items: the sum of their hashes modulo 2^256, the hashes read as big-endian numbers. Adding and removing cost
 * the same whatever the set's size, and the order does not matter.
 */
export class SetDigest {
  /** Eight limbs of 32 bits, the most significant first. */
  readonly #limbs: Uint32Array;

  constructor(limbs: Uint32Array = new Uint32Array(LIMBS)) {
    this.#limbs = limbs;
  }

  static of(hashes: Iterable<Uint8Array>): SetDigest {
    const digest = new SetDigest();
    for (const hash of hashes) digest.add(hash);
    return digest;
  }

  /** The digest whose {@link bytes} these are. */
  static fromBytes(bytes: Uint8Array): SetDigest {
    const digest = new SetDigest();
    digest.add(bytes);
    return digest;
  }

  add(hash: Uint8Array): void {
    let carry = 0;
    for (let limb = LIMBS - 1; limb >= 0; limb--) {
      const sum = this.#limbs[limb]! + readLimb(hash, limb) + carry;
      this.#limbs[limb] = sum;
      carry = sum > 0xffff_ffff ? 1 : 0;
    }
  }

  /** Takes out what was added before. */
  remove(hash: Uint8Array): void {
    let borrow = 0;
    for (let limb = LIMBS - 1; limb >= 0; limb--) {
      const difference = this.#limbs[limb]! - readLimb(hash, limb) - borrow;
      this.#limbs[limb] = difference;
      borrow = difference < 0 ? 1 : 0;
    }
  }

  /** 32 bytes, big-endian. All zero for the empty set. */
  bytes(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(LIMBS * 4);
    const view = new DataView(bytes.buffer);
    this.#limbs.forEach((value, limb) => {
      view.setUint32(limb * 4, value);
    });
    return bytes;
  }

  clone(): SetDigest {
    return new SetDigest(this.#limbs.slice());
  }
}

const LIMBS = 8;

function readLimb(hash: Uint8Array, limb: number): number {
  const at = limb * 4;
  return ((hash[at]! << 24) | (hash[at + 1]! << 16) | (hash[at + 2]! << 8) | hash[at + 3]!) >>> 0;
}
