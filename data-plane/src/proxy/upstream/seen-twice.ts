/** Texts that are told apart at a time; a power of two. 64 KiB. */
const MARKS = 16_384;
/** Marks that share a place, the newest first: with one, of 1,000 texts that come in turn fifty would push each other out for ever. */
const WAYS = 4;
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
    const marks = this.#marks;
    const newest = (mark & (MARKS / WAYS - 1)) * WAYS;
    const oldest = newest + WAYS - 1;
    let at = newest;
    while (at < oldest && marks[at] !== mark) at++;
    const isKnown = marks[at] === mark;
    marks.copyWithin(newest + 1, newest, at);
    marks[newest] = mark;
    return isKnown;
  }
}
