/** Texts that are told apart at a time; a power of two. 64 KiB. */
const MARKS = 16_384;
/** Characters looked at: of a token, the end of its signature, which differs from token to token. */
const CHARACTERS = 16;

/** Tells, roughly and in constant memory, whether a text came before. Forgets what came long ago. */
export class SeenTwice {
  readonly #marks = new Uint32Array(MARKS);

  /** False for a text that came for the first time; rarely also for one that came before, hardly ever the other way round. */
  add(text: string): boolean {
    let mark = text.length;
    for (let i = Math.max(0, text.length - CHARACTERS); i < text.length; i++) {
      mark = Math.imul(mark ^ text.charCodeAt(i), 0x01000193);
    }
    mark = (mark ^ (mark >>> 15)) >>> 0;
    const place = mark & (MARKS - 1);
    const isKnown = this.#marks[place] === mark;
    this.#marks[place] = mark;
    return isKnown;
  }
}
