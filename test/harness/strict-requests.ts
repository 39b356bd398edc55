/**
 * What an origin received, held against the exact grammar of RFC 9112: bytes that some other server could take for
 * anything else are a fault. It shares nothing with the gateway's codec, whose mistakes it must not repeat.
 */

export type StrictRequest = {
  readonly method: string;
  readonly target: string;
  /** Names in lower case. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
};

export type StrictReading = {
  readonly requests: readonly StrictRequest[];
  /** The first thing that is not strict, with where it stands; undefined where everything is. */
  readonly fault: string | undefined;
  /** The bytes end within a message, of which nothing is faulty so far. */
  readonly truncated: boolean;
};

/**
 * `sluice`: also what only this gateway promises: one spelling of everything, nothing of the client's connection, nothing
 * that looks like a field of its own. `any`: what every intermediary owes its origin, and no name that a server may take
 * for framing.
 */
export type StrictRules = 'sluice' | 'any';

const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const path = "(?:/(?:[A-Za-z0-9\\-._~!$&'()*+,;=:@]|%[0-9A-F]{2})*)+";
const requestLines: Readonly<Record<StrictRules, RegExp>> = {
  sluice: new RegExp(`^([A-Z]+(?:-[A-Z]+)?) (${path}(?:\\?[\\x21\\x22\\x24-\\x7e]*)?|\\*) HTTP/1\\.1$`),
  any: new RegExp(`^(${token}) ((?:https?://[^/?#]+)?/[\\x21\\x22\\x24-\\x7e]*|\\*) HTTP/1\\.[01]$`),
};
const fieldLines: Readonly<Record<StrictRules, RegExp>> = {
  sluice: new RegExp(
    `^(${token}): ((?:[\\x21-\\x7e\\x80-\\xff](?:[\\t\\x20-\\x7e\\x80-\\xff]*[\\x21-\\x7e\\x80-\\xff])?)?)$`,
  ),
  any: new RegExp(`^(${token}):[\\t ]*([\\t\\x20-\\x7e\\x80-\\xff]*?)[\\t ]*$`),
};
const chunkLines: Readonly<Record<StrictRules, RegExp>> = {
  sluice: /^(0|[1-9a-f][0-9a-f]{0,12})$/i,
  any: new RegExp(`^([0-9a-f]{1,14})(?:;${token}(?:=(?:${token}|"(?:[^"\\\\]|\\\\.)*"))?)*$`, 'i'),
};
const hosts: Readonly<Record<StrictRules, RegExp>> = {
  sluice: /^(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?::[1-9]\d{0,4})?$/,
  // A comma is within the grammar of a name, and a list to many.
  any: /^(?:(?:[A-Za-z0-9\-._~!$&'()*+;=]|%[0-9A-Fa-f]{2})*|\[[0-9A-Fa-f:.]+\])(?::\d*)?$/,
};

/** An escape of what needs none, or a segment that some server takes for another. */
const notOneForm = /%(?:2D|2E|5F|7E|3\d|[46][1-9A-F]|[57][0-9A])|%2F|%5C|%00|\/\.{1,2}(?:;|%3B|\/|$)/;

/** Belongs to the connection on which it came. */
const hopByHop = /^(?:connection|keep-alive|proxy-connection|proxy-authorization|upgrade|te|expect|http2-settings)$/;
/** What a gateway may say of its own connection. */
const ownHopFields = new Set(['te: trailers', 'connection: te']);

/** Names that frame and address. In a look-alike of one, another character stands for a `-`. */
const framingNames = new Set(['content-length', 'transfer-encoding', 'host', 'connection', 'expect', 'te', 'trailer']);
/** What only the gateway says: exactly once where `once`, else never. */
const once = ['x-forwarded-for', 'x-forwarded-proto', 'forwarded', 'x-request-id', 'traceparent'];
const never = ['x-consumer', 'x-real-ip', 'x-forwarded-port', 'x-forwarded-prefix'];
const ownNames = new Set([...once, ...never, 'x-forwarded-host', 'via', 'authorization', 'cookie']);

const neverTrailers = new Set([
  'content-length',
  'transfer-encoding',
  'host',
  'connection',
  'authorization',
  'te',
  'cookie',
  'expect',
  'upgrade',
]);

class Fault extends Error {}
class Truncated extends Error {}

/** Reads all bytes of one connection. */
export function readStrictly(bytes: Buffer, rules: StrictRules = 'sluice'): StrictReading {
  const requests: StrictRequest[] = [];
  const reader = new Reader(bytes, rules);
  try {
    while (!reader.atEnd) requests.push(readRequest(reader, rules));
    return { requests, fault: undefined, truncated: false };
  } catch (error) {
    if (error instanceof Truncated) return { requests, fault: undefined, truncated: true };
    if (error instanceof Fault)
      return { requests, fault: `${error.message} before byte ${reader.at}`, truncated: false };
    throw error;
  }
}

function readRequest(reader: Reader, rules: StrictRules): StrictRequest {
  const start = reader.line();
  const match = requestLines[rules].exec(start);
  if (match === null) throw new Fault(`request line ${quoted(start)}`);
  const [, method = '', target = ''] = match;
  const fields = reader.fields();
  if (rules === 'sluice') checkOwnPromises(method, target, fields);
  checkLookAlikes(fields, rules);
  return { method, target, fields, body: readBody(reader, fields, rules) };
}

function checkOwnPromises(method: string, target: string, fields: StrictRequest['fields']): void {
  if ((target === '*') !== (method === 'OPTIONS' && !target.startsWith('/'))) throw new Fault(`* with ${method}`);
  if (/^(?:CONNECT|TRACE|PRI)$/.test(method)) throw new Fault(`method ${method}`);
  if (notOneForm.test(target.split('?')[0]!)) throw new Fault(`target ${quoted(target)}`);
  for (const [name, value] of fields) {
    if (hopByHop.test(name) && !ownHopFields.has(`${name}: ${value}`))
      throw new Fault(`field ${name}: ${quoted(value)}`);
    if (never.some((one) => name === one || name.startsWith('x-consumer'))) throw new Fault(`field ${name}`);
  }
  for (const name of once) {
    const count = fields.filter(([found]) => found === name).length;
    if (count !== 1) throw new Fault(`${count} fields ${name}`);
  }
}

function checkLookAlikes(fields: StrictRequest['fields'], rules: StrictRules): void {
  for (const [name] of fields) {
    const meant = plain(name);
    const isDisguised = framingNames.has(meant) || (rules === 'sluice' && ownNames.has(meant));
    if (isDisguised && name !== meant) throw new Fault(`look-alike ${quoted(name)}`);
  }
}

function readBody(reader: Reader, fields: StrictRequest['fields'], rules: StrictRules): Buffer {
  const all = (name: string): string[] => fields.filter(([found]) => found === name).map(([, value]) => value);
  const [names, lengths, codings] = [all('host'), all('content-length'), all('transfer-encoding')];
  if (names.length !== 1) throw new Fault(`${names.length} Host fields`);
  if (!hosts[rules].test(names[0]!)) throw new Fault(`Host ${quoted(names[0]!)}`);
  if (lengths.length + codings.length > 1) throw new Fault(`framed by ${JSON.stringify([...lengths, ...codings])}`);
  if (codings.length === 1) {
    if (codings[0]!.toLowerCase() !== 'chunked') throw new Fault(`transfer-encoding ${quoted(codings[0]!)}`);
    return readChunks(reader, rules);
  }
  const length = lengths[0] ?? '0';
  const isLength = rules === 'sluice' ? /^(?:0|[1-9]\d{0,14})$/ : /^\d{1,15}$/;
  if (!isLength.test(length)) throw new Fault(`content-length ${quoted(length)}`);
  return reader.take(Number(length));
}

function readChunks(reader: Reader, rules: StrictRules): Buffer {
  const parts: Buffer[] = [];
  for (;;) {
    const text = reader.line();
    const digits = chunkLines[rules].exec(text)?.[1];
    if (digits === undefined) throw new Fault(`chunk size ${quoted(text)}`);
    const size = Number.parseInt(digits, 16);
    if (size === 0) break;
    parts.push(reader.take(size));
    if (reader.take(2).toString('latin1') !== '\r\n') throw new Fault('chunk without CRLF');
  }
  const trailer = reader.fields().find(([name]) => neverTrailers.has(plain(name)));
  if (trailer !== undefined) throw new Fault(`trailer ${trailer[0]}`);
  return Buffer.concat(parts);
}

/** Takes lines and bytes off a connection. */
class Reader {
  at = 0;
  readonly #bytes: Buffer;
  readonly #rules: StrictRules;

  constructor(bytes: Buffer, rules: StrictRules) {
    this.#bytes = bytes;
    this.#rules = rules;
  }

  get atEnd(): boolean {
    return this.at === this.#bytes.length;
  }

  line(): string {
    const end = this.#bytes.indexOf('\n', this.at);
    const text = this.#bytes.toString('latin1', this.at, end === -1 ? this.#bytes.length : end + 1);
    // A line that is not whole may still be judged by what has come of it.
    if (/\r(?!\n|$)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/.test(text))
      throw new Fault(`control character in ${quoted(text)}`);
    if (end === -1) throw new Truncated();
    if (!text.endsWith('\r\n')) throw new Fault(`bare LF after ${quoted(text)}`);
    this.at = end + 1;
    return text.slice(0, -2);
  }

  fields(): [name: string, value: string][] {
    const found: [string, string][] = [];
    for (let text = this.line(); text !== ''; text = this.line()) {
      const match = fieldLines[this.#rules].exec(text);
      if (match === null) throw new Fault(`field line ${quoted(text)}`);
      found.push([match[1]!.toLowerCase(), match[2]!]);
    }
    return found;
  }

  take(count: number): Buffer {
    const end = this.at + count;
    if (end > this.#bytes.length) throw new Truncated();
    const taken = this.#bytes.subarray(this.at, end);
    this.at = end;
    return taken;
  }
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '-');
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}
