/** A power of two. */
const PLACES = 64;

/** Texts that come again and again as bytes, such as the consumers of many keys: made once, as long as no other takes their place. */
export class FewNames {
  readonly #known: { readonly bytes: Uint8Array; readonly text: string }[] = [];

  /** The ASCII text of `length` bytes. */
  at(bytes: Buffer, start: number, length: number): string {
    let hash = length;
    for (let i = 0; i < length; i++) hash = Math.imul(hash ^ bytes[start + i]!, 0x01000193);
    const place = (hash ^ (hash >>> 16)) & (PLACES - 1);
    const known = this.#known[place];
    if (known !== undefined && known.bytes.length === length) {
      let same = 0;
      while (same < length && known.bytes[same] === bytes[start + same]) same++;
      if (same === length) return known.text;
    }
    // What is remembered is what is returned, though another thread may write there meanwhile: the reader finds that out afterwards.
    const copy = Uint8Array.prototype.slice.call(bytes, start, start + length);
    const text = Buffer.from(copy.buffer, copy.byteOffset, length).toString('latin1');
    this.#known[place] = { bytes: copy, text };
    return text;
  }
}
