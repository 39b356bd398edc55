/** Where a member of an object stands in its text. */
export interface MemberPlace {
  readonly name: string;
  /** Of its name's opening quote. */
  readonly nameStart: number;
  readonly valueStart: number;
  /** Behind its value and the white space that follows it. */
  readonly end: number;
}

/** The members of the object that `bytes` are, in their order. They must be valid JSON. */
export function topLevelMembers(bytes: Buffer): MemberPlace[] {
  const members: MemberPlace[] = [];
  let at = skipWhite(bytes, bytes.indexOf(OPEN_BRACE) + 1);
  while (bytes[at] === QUOTE) {
    const nameEnd = skipString(bytes, at);
    const valueStart = skipWhite(bytes, skipWhite(bytes, nameEnd) + 1);
    const end = skipValue(bytes, valueStart);
    const name = JSON.parse(bytes.toString('utf8', at, nameEnd)) as string;
    members.push({ name, nameStart: at, valueStart, end });
    at = bytes[end] === COMMA ? skipWhite(bytes, end + 1) : end;
  }
  return members;
}

/** Behind the string that begins at `at`. */
function skipString(bytes: Buffer, at: number): number {
  let i = at + 1;
  while (bytes[i] !== QUOTE) i += bytes[i] === BACKSLASH ? 2 : 1;
  return i + 1;
}

/** The comma or brace that ends the value that begins at `at`. */
function skipValue(bytes: Buffer, at: number): number {
  let depth = 0;
  for (let i = at; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (byte === QUOTE) i = skipString(bytes, i) - 1;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
    else if (depth === 0 && (byte === COMMA || byte === CLOSE_BRACE)) return i;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
  }
  return bytes.length;
}

function skipWhite(bytes: Buffer, at: number): number {
  let i = at;
  while (i < bytes.length && WHITE.has(bytes[i] as number)) i++;
  return i;
}

/** RFC 8259, 2. */
const WHITE: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);
const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
