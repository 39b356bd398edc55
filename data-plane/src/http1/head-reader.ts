import type { FieldList } from './field-list.ts';
import {
  colonAt,
  fieldId,
  lineStart,
  NAME_UNDECIDED,
  reserveFields,
  scanComplete,
  scanEnd,
  scanFields,
  valueEnd,
  valueStart,
} from './field-scan.ts';
import { HeaderId, headerIdOf } from './header-id.ts';
import { latin1 } from './latin1.ts';
import { type Refusal, refuse } from './refusal.ts';

/** Bounds of one head; checked before a byte beyond them is kept. */
export interface HeadLimits {
  /** Longest request target, in bytes; beyond it 414. Without meaning for responses. */
  readonly targetBytes: number;
  /** All field lines and the empty line behind them, in bytes; beyond it 431. */
  readonly headerBytes: number;
  /** Field lines; beyond it 431. */
  readonly headerCount: number;
}

/** What differs between the kinds of head; `HeadReader` does the rest. */
export interface HeadGrammar<H extends FieldList> {
  readonly create: () => H;
  /**
   * Reads the start line that `text` begins with; false where it is not well-formed. Null: this kind (trailers) has no
   * start line.
   */
  readonly startLine: ((head: H, text: string, limits: HeadLimits) => boolean | Refusal) | null;
  /** The longest start line that can be valid, so that a line without end is refused in time. */
  readonly startLineBytes: (limits: HeadLimits) => number;
  /**
   * Explains a start line (as far as it has come) that `startLine` does not take: what is wrong, and at which byte of
   * it that shows. `at` is Infinity where only the end of the line tells.
   */
  readonly explain: (line: string, limits: HeadLimits) => Finding;
  /** Called with each field, before it is appended. */
  readonly field: (head: H, id: HeaderId, value: string) => Refusal | null;
  /** Called at the empty line. */
  readonly finish: (head: H) => Refusal | null;
}

export interface Finding {
  readonly at: number;
  readonly refusal: Refusal;
}

type InProgress<H extends FieldList> = H & { headers: string[]; ids: HeaderId[]; text: string; lines: number[] };

/** What no line may hold (a CR at the very end may still become a CRLF); where it stands, a message is refused at once. */
const FORBIDDEN = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n|$)/;

const CR = 0x0d;
const LF = 0x0a;
const SP = 0x20;

const NOT_A_FIELD = refuse('bad_request', 'malformed header line');
const CONTROL_CHARACTER = refuse('bad_request', 'control character or bare CR');
const TOO_LARGE = refuse('headers_too_large', 'header lines exceed the limit of bytes');
const TOO_MANY = refuse('headers_too_large', 'header lines exceed the limit of their number');

/**
 * Reads heads from chunks of any size, one after another. The verdict does not depend on where the chunks were split:
 * whole lines are taken where they stand, only a line cut by the end of a chunk is kept, and each byte is copied and
 * looked at a bounded number of times, also when it comes alone.
 */
export class HeadReader<H extends FieldList> {
  /** Offset in the chunk last given, just behind the head: where its body or the next message begins. */
  end = 0;
  readonly #grammar: HeadGrammar<H>;
  readonly #limits: HeadLimits;
  /** One empty line before a request is tolerated (RFC 9112 2.2). */
  readonly #toleratesEmptyLine: boolean;
  #head: InProgress<H> | null = null;
  #emptyLineSeen = false;
  #fieldBytes = 0;
  #complete = false;
  #refusal: Refusal | null = null;
  #held: Buffer | null = null;
  #heldLength = 0;
  #heldChecked = 0;

  constructor(grammar: HeadGrammar<H>, limits: HeadLimits, toleratesEmptyLine: boolean) {
    this.#grammar = grammar;
    this.#limits = limits;
    this.#toleratesEmptyLine = toleratesEmptyLine;
    reserveFields(limits.headerCount + 1);
  }

  /** Some bytes of a head have come, and not all: the time to the end of the head is running. */
  get started(): boolean {
    return this.#head !== null || this.#heldLength > 0;
  }

  /**
   * Reads on from `chunk[start]`. Gives the head once its empty line has come, then `end` is set and the reader is
   * ready for the next head; undefined while more bytes are needed (the whole rest of the chunk was taken); or why the
   * message is refused, and from then on always that.
   */
  read(chunk: Buffer, start: number): H | Refusal | undefined {
    if (this.#refusal !== null) return this.#refusal;
    let at = start;
    if (this.#heldLength > 0) {
      at = this.#completeHeldLine(chunk, at);
      if (this.#refusal !== null) return this.#refusal;
      if (this.#heldLength > 0) return undefined;
    }
    if (!this.#complete && at < chunk.length) at = this.#takeLines(chunk, at, chunk.length);
    if (this.#complete) return this.#refusal ?? this.#give(at);
    if (this.#refusal === null) this.#hold(chunk, at, chunk.length);
    return this.#refusal ?? undefined;
  }

  #give(end: number): H {
    const head = this.#head as H;
    this.#head = null;
    this.#emptyLineSeen = false;
    this.#fieldBytes = 0;
    this.#complete = false;
    this.#held = null;
    this.end = end;
    return head;
  }

  /** Takes all whole lines of `bytes[from..to)` and gives the offset behind them. */
  #takeLines(bytes: Buffer, from: number, to: number): number {
    const head = this.#head;
    if (head !== null) return this.#takeFields(head, bytes, from, from, to);
    const grammar = this.#grammar;
    if (grammar.startLine === null) {
      this.#head = grammar.create() as InProgress<H>;
      return this.#takeFields(this.#head, bytes, from, from, to);
    }
    let at = from;
    if (bytes[at] === CR && at + 1 < to && bytes[at + 1] === LF && this.#toleratesEmptyLine && !this.#emptyLineSeen) {
      this.#emptyLineSeen = true;
      at += 2;
    }
    const lineEnd = endOfLine(bytes, at, to);
    return lineEnd < 0 ? at : this.#takeFields(null, bytes, at, lineEnd, to);
  }

  /**
   * Takes whole field lines of `bytes[from..to)`. Where `head` is null, the start line `bytes[textFrom..from)` is read
   * first: from the same text, so that a head that came whole is converted once.
   */
  #takeFields(head: InProgress<H> | null, bytes: Buffer, textFrom: number, from: number, to: number): number {
    const count = scanFields(bytes, from, to, this.#limits.headerCount + 1);
    const stop = scanEnd;
    const complete = scanComplete;
    const text = latin1(bytes, textFrom, stop);
    const fields = head ?? this.#readStartLine(text, from - textFrom);
    if (fields === null || !this.#addFields(fields, text, textFrom, count)) return stop;
    this.#fieldBytes += stop - from;
    if (complete && this.#fieldBytes > this.#limits.headerBytes) this.#refuse(TOO_LARGE);
    else if (complete) {
      if (head === null) {
        fields.text = text;
        fields.lines.push(stop - textFrom - 2);
      }
      this.#complete = true;
      this.#refusal = this.#grammar.finish(fields);
    } else {
      const lineEnd = endOfLine(bytes, stop, to);
      if (lineEnd >= 0) this.#refuse(this.#explain(latin1(bytes, stop, lineEnd)));
    }
    return stop;
  }

  #readStartLine(text: string, length: number): InProgress<H> | null {
    const grammar = this.#grammar;
    const head = grammar.create() as InProgress<H>;
    const read = grammar.startLine?.(head, text, this.#limits);
    if (read === true) {
      this.#head = head;
      return head;
    }
    this.#refuse(typeof read === 'object' ? read : this.#explain(text.slice(0, length)));
    return null;
  }

  /** Appends the fields of the last scan, whose offsets are `base` ahead of those in `text`. */
  #addFields(head: InProgress<H>, text: string, base: number, count: number): boolean {
    const { field } = this.#grammar;
    const { headerBytes, headerCount } = this.#limits;
    const { headers, ids, lines } = head;
    const room = count > 0 ? lineStart(0) + headerBytes - this.#fieldBytes : 0;
    for (let i = 0; i < count; i++) {
      const from = lineStart(i);
      const colon = colonAt(i);
      const lineEnd = i + 1 < count ? lineStart(i + 1) : base + text.indexOf('\n', valueEnd(i) - base) + 1;
      if (lineEnd > room) return this.#refuse(TOO_LARGE);
      if (ids.length >= headerCount) return this.#refuse(TOO_MANY);
      const name = text.slice(from - base, colon - base);
      const scanned = fieldId(i);
      const id = scanned === NAME_UNDECIDED ? headerIdOf(name) : (scanned as HeaderId);
      const valueAt = valueStart(i);
      const value =
        id === HeaderId.transferEncoding
          ? text.slice(colon + 1 - base, lineEnd - 2 - base).replace(/^ +| +$/g, '')
          : text.slice(valueAt - base, valueEnd(i) - base);
      const refusal = field(head, id, value);
      if (refusal !== null) return this.#refuse(refusal);
      headers.push(name, value);
      ids.push(id);
      const asWritten =
        valueAt === colon + 2 && valueEnd(i) === lineEnd - 2 && text.charCodeAt(colon + 1 - base) === SP;
      lines.push(asWritten ? from - base : ~(from - base));
    }
    return true;
  }

  /** Appends to the line cut by the end of the last chunk; once whole, takes it. Gives the offset behind what it took. */
  #completeHeldLine(chunk: Buffer, start: number): number {
    const lineEnd = endOfLine(chunk, start, chunk.length);
    const stop = lineEnd < 0 ? chunk.length : lineEnd;
    this.#hold(chunk, start, stop);
    if (lineEnd < 0 || this.#refusal !== null) return stop;
    const length = this.#heldLength;
    this.#heldLength = 0;
    this.#heldChecked = 0;
    this.#takeLines(this.#held as Buffer, 0, length);
    return stop;
  }

  /** Keeps `chunk[start..stop)` as (more of) the line not yet whole, after looking at the new bytes alone. */
  #hold(chunk: Buffer, start: number, stop: number): void {
    const length = this.#heldLength + (stop - start);
    if (length === 0) return;
    const most =
      this.#head === null && this.#grammar.startLine !== null
        ? this.#grammar.startLineBytes(this.#limits)
        : this.#limits.headerBytes - this.#fieldBytes;
    const kept = Math.min(length, most + 1);
    this.#reserve(kept, most + 1);
    const held = this.#held as Buffer;
    chunk.copy(held, this.#heldLength, start, start + kept - this.#heldLength);
    this.#heldLength = kept;
    // A CR at the very end is looked at again together with the byte that follows it.
    const fresh = latin1(held, this.#heldChecked, kept);
    if (kept > most || FORBIDDEN.test(fresh)) this.#refuse(this.#explain(latin1(held, 0, kept)));
    this.#heldChecked = held[kept - 1] === CR ? kept - 1 : kept;
  }

  #reserve(length: number, most: number): void {
    const held = this.#held;
    if (held !== null && held.length >= length) return;
    const grown = Buffer.allocUnsafe(Math.min(Math.max(256, 2 * length), Math.max(most, length)));
    if (held !== null) held.copy(grown, 0, 0, this.#heldLength);
    this.#held = grown;
  }

  /** Of all that is wrong with a line, what shows first, byte by byte: so the verdict is the same for every split. */
  #explain(line: string): Refusal {
    const inFields = this.#head !== null || this.#grammar.startLine === null;
    const finding = inFields ? this.#explainField(line) : this.#grammar.explain(line, this.#limits);
    const forbidden = FORBIDDEN.exec(line);
    if (forbidden === null) return finding.refusal;
    const at = line.charCodeAt(forbidden.index) === CR ? forbidden.index + 1 : forbidden.index;
    return at < finding.at ? CONTROL_CHARACTER : finding.refusal;
  }

  #explainField(line: string): Finding {
    const room = this.#limits.headerBytes - this.#fieldBytes;
    return line.length > room ? { at: room, refusal: TOO_LARGE } : { at: Infinity, refusal: NOT_A_FIELD };
  }

  #refuse(refusal: Refusal): false {
    this.#refusal = refusal;
    this.#held = null;
    return false;
  }
}

/** The offset behind the next LF, -1 where there is none. */
function endOfLine(bytes: Buffer, from: number, to: number): number {
  for (let i = from; i < to; i++) {
    if (bytes[i] === LF) return i + 1;
  }
  return -1;
}
