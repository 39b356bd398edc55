/**
 * What an origin received, held against the strictest reading of RFC 9112: bytes that some other server could take for
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

const requestLine = /^([A-Z]+) (\/[\x21\x22\x24-\x7e]*|\*) HTTP\/1\.1$/;
const fieldLine =
  /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ((?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?)$/;
const chunkLine = /^(?:0|[1-9a-f][0-9a-f]{0,12})$/i;
/** What belongs to one connection only, and names that some servers take for framing. */
const neverForwarded =
  /^(?:connection|keep-alive|proxy-connection|upgrade|te|expect|content_length|transfer_encoding)$/;
/** What a gateway may say of its own connection. */
const hopFields = new Set(['te: trailers', 'connection: te']);
const neverTrailers = new Set(['content-length', 'transfer-encoding', 'host', 'connection', 'authorization', 'te']);

class Fault extends Error {}
class Truncated extends Error {}

/** Reads all bytes of one connection. */
export function readStrictly(bytes: Buffer): StrictReading {
  const requests: StrictRequest[] = [];
  let at = 0;
  const line = (): string => {
    const end = bytes.indexOf('\n', at);
    const text = bytes.toString('latin1', at, end === -1 ? bytes.length : end + 1);
    // A line that is not whole may still be judged by what has come of it.
    if (/\r(?!\n|$)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/.test(text))
      throw new Fault(`control character in ${quoted(text)}`);
    if (end === -1) throw new Truncated();
    if (!text.endsWith('\r\n')) throw new Fault(`bare LF after ${quoted(text)}`);
    at = end + 1;
    return text.slice(0, -2);
  };
  const fields = (): [string, string][] => {
    const found: [string, string][] = [];
    for (let text = line(); text !== ''; text = line()) {
      const match = fieldLine.exec(text);
      if (match === null) throw new Fault(`field line ${quoted(text)}`);
      found.push([match[1]!.toLowerCase(), match[2]!]);
    }
    return found;
  };
  const take = (count: number): Buffer => {
    if (at + count > bytes.length) throw new Truncated();
    at += count;
    return bytes.subarray(at - count, at);
  };
  const chunks = (): Buffer => {
    const parts: Buffer[] = [];
    for (;;) {
      const text = line();
      if (!chunkLine.test(text)) throw new Fault(`chunk size ${quoted(text)}`);
      const size = Number.parseInt(text, 16);
      if (size === 0) break;
      parts.push(take(size));
      if (take(2).toString('latin1') !== '\r\n') throw new Fault('chunk without CRLF');
    }
    const trailer = fields().find(([name]) => neverTrailers.has(name));
    if (trailer !== undefined) throw new Fault(`trailer ${trailer[0]}`);
    return Buffer.concat(parts);
  };
  try {
    while (at < bytes.length) {
      const start = line();
      const match = requestLine.exec(start);
      if (match === null) throw new Fault(`request line ${quoted(start)}`);
      const head = fields();
      const body = readBody(head, take, chunks);
      requests.push({ method: match[1]!, target: match[2]!, fields: head, body });
    }
    return { requests, fault: undefined, truncated: false };
  } catch (error) {
    if (error instanceof Truncated) return { requests, fault: undefined, truncated: true };
    if (error instanceof Fault) return { requests, fault: `${error.message} before byte ${at}`, truncated: false };
    throw error;
  }
}

function readBody(head: [string, string][], take: (count: number) => Buffer, chunks: () => Buffer): Buffer {
  const all = (name: string): string[] => head.filter(([found]) => found === name).map(([, value]) => value);
  const [hosts, lengths, codings] = [all('host'), all('content-length'), all('transfer-encoding')];
  if (hosts.length !== 1) throw new Fault(`${hosts.length} Host fields`);
  if (lengths.length + codings.length > 1) throw new Fault(`framed by ${JSON.stringify([...lengths, ...codings])}`);
  const wrong = head.find(([name, value]) => neverForwarded.test(name) && !hopFields.has(`${name}: ${value}`));
  if (wrong !== undefined) throw new Fault(`field ${wrong[0]}: ${quoted(wrong[1])}`);
  if (codings.length === 1) {
    if (codings[0] !== 'chunked') throw new Fault(`transfer-encoding ${quoted(codings[0]!)}`);
    return chunks();
  }
  const length = lengths[0] ?? '0';
  if (!/^(?:0|[1-9]\d{0,14})$/.test(length)) throw new Fault(`content-length ${quoted(length)}`);
  return take(Number(length));
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}
