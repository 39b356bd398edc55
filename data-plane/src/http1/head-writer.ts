import type { FieldList } from './field-list.ts';
import type { Framing } from './framing.ts';
import { HEADER_ID_COUNT, HeaderId, plainName } from './header-id.ts';
import type { Host } from './host.ts';
import { latin1 } from './latin1.ts';

declare const fieldTextMark: unique symbol;

/** Field lines, each with its CRLF, that went through `fieldLine`, `fieldLines` or the parser: no line can hide in one. */
export type FieldText = string & { readonly [fieldTextMark]: true };

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const LINES = /^(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+: [\t\x20-\x7e\x80-\xff]*\r\n)*$/;
const FORBIDDEN_IN_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
const FORBIDDEN_IN_LINE = /[^\x21-\x7e]/;

/**
 * Which fields of a message are not passed on, as a table indexed by HeaderId. `base` is extended, not changed; the
 * result is made once, where the configuration is compiled, not per request.
 */
export function dropTable(base: Uint8Array | null, ids: readonly HeaderId[]): Uint8Array {
  const table = new Uint8Array(HEADER_ID_COUNT);
  if (base !== null) table.set(base);
  for (const id of ids) table[id] = 1;
  return table;
}

/**
 * What belongs to one connection only (RFC 9110 7.6.1), and framing, which is written anew. Trailer stays: it announces,
 * and where trailers are left out it announces in vain, which RFC 9110 6.6.2 allows.
 */
export const HOP_BY_HOP: Uint8Array = dropTable(null, [
  HeaderId.connection,
  HeaderId.keepAlive,
  HeaderId.proxyConnection,
  HeaderId.te,
  HeaderId.upgrade,
  HeaderId.transferEncoding,
  HeaderId.contentLength,
  HeaderId.http2Settings,
]);

/** For requests: hop-by-hop, Host and Max-Forwards (written from what was understood), Expect (answered here), twins of known names. */
export const REQUEST_DROP: Uint8Array = dropTable(HOP_BY_HOP, [
  HeaderId.host,
  HeaderId.expect,
  HeaderId.maxForwards,
  HeaderId.proxyAuthorization,
  HeaderId.twin,
]);

/** For responses: hop-by-hop and what only a next hop to the proxy itself would ask. */
export const RESPONSE_DROP: Uint8Array = dropTable(HOP_BY_HOP, [
  HeaderId.proxyAuthenticate,
  HeaderId.proxyAuthenticationInfo,
]);

/** Names a peer's Connection can never take away: they say where a message goes and where it ends. */
const KEPT_WHATEVER_CONNECTION_LISTS: Uint8Array = dropTable(null, [
  HeaderId.host,
  HeaderId.contentLength,
  HeaderId.transferEncoding,
]);

/**
 * One field line. Undefined where the name is no token or the value holds CR, LF, NUL or another control character:
 * the single place where a value of foreign origin becomes part of a head.
 */
export function fieldLine(name: string, value: string): FieldText | undefined {
  if (!NAME.test(name) || FORBIDDEN_IN_VALUE.test(value)) return undefined;
  return `${name}: ${value}\r\n` as FieldText;
}

/** All fields of a parsed list as lines. */
export function fieldLines(fields: FieldList): FieldText {
  const { headers } = fields;
  let text = '';
  for (let i = 0; i < headers.length; i += 2) text += `${headers[i]}: ${headers[i + 1]}\r\n`;
  return text as FieldText;
}

/**
 * Builds one head at a time; meant to be one per worker, since a head is built without waiting. Everything goes through
 * checks that refuse line breaks: `end` gives undefined where one was met, and the message must then not be sent.
 */
export class HeadWriter {
  #text = '';
  #refused = false;

  /**
   * Starts a request. `method` as parsed; `path` in origin form or `*`; `host` the validated one of the request, or what
   * `parseHost` made of a configured one. Null, where nobody names a host, writes an empty one (RFC 9112 3.2).
   */
  request(method: string, path: string, host: Host | null): void {
    this.#refused = FORBIDDEN_IN_LINE.test(path);
    this.#text = `${method} ${path} HTTP/1.1\r\nHost: ${host === null ? '' : host.authority}\r\n`;
  }

  /** Starts a response: always as HTTP/1.1, also to a 1.0 client (RFC 9112 2.3). */
  response(status: number, reason: string): void {
    this.#refused = FORBIDDEN_IN_VALUE.test(reason);
    this.#text = `HTTP/1.1 ${status} ${reason}\r\n`;
  }

  /**
   * Passes on the received fields, in order, but those in `drop` and those the peer's Connection names. A table for
   * `drop` is made of REQUEST_DROP or RESPONSE_DROP and what the gateway sets itself. Neighbouring lines that are already
   * spelled as they would be written are copied as one piece. `dropNames`, as `plainName` gives them, are dropped as well
   * where they have no id of their own.
   */
  forward(
    fields: FieldList & Pick<Framing, 'connectionTokens'>,
    drop: Uint8Array,
    dropNames: ReadonlySet<string> | null = null,
  ): void {
    const { headers, ids, lines, text, connectionTokens } = fields;
    const mayCopy = text !== '';
    let written = this.#text;
    let runFrom = -1;
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i] as HeaderId;
      const goes =
        drop[id] !== 1 &&
        (connectionTokens === null || !isNamed(connectionTokens, id, headers[2 * i] as string)) &&
        (dropNames === null || id !== HeaderId.other || !dropNames.has(plainName(headers[2 * i] as string)));
      const line = lines[i] as number;
      if (goes && mayCopy && line >= 0) {
        if (runFrom < 0) runFrom = line;
        continue;
      }
      if (runFrom >= 0) {
        written += text.slice(runFrom, line < 0 ? ~line : line);
        runFrom = -1;
      }
      if (goes) written += `${headers[2 * i]}: ${headers[2 * i + 1]}\r\n`;
    }
    if (runFrom >= 0) written += text.slice(runFrom, lines[ids.length]);
    this.#text = written;
  }

  /** Adds a field; a value with a line break refuses the head. */
  field(name: string, value: string): void {
    const line = fieldLine(name, value);
    if (line === undefined) this.#refused = true;
    else this.#text += line;
  }

  /** Adds lines, each with its CRLF, that were put together of texts; where they are not just that, the head is refused. */
  lines(text: string): void {
    if (LINES.test(text)) this.#text += text;
    else this.#refused = true;
  }

  /** Adds lines made before. */
  fields(text: FieldText): void {
    this.#text += text;
  }

  contentLength(length: number): void {
    this.#text += `Content-Length: ${length}\r\n`;
  }

  chunked(): void {
    this.#text += 'Transfer-Encoding: chunked\r\n';
  }

  /** The whole head with its empty line, to be sent as latin1; undefined where something in it was refused. */
  end(): string | undefined {
    const text = this.#text;
    this.#text = '';
    return this.#refused ? undefined : `${text}\r\n`;
  }
}

/** A small body appended to its head, so that both leave in one write: latin1 carries any byte. */
export function withBody(head: string, chunk: Buffer, start: number, end: number): string {
  return head + latin1(chunk, start, end);
}

function isNamed(connectionTokens: readonly string[], id: HeaderId, name: string): boolean {
  return KEPT_WHATEVER_CONNECTION_LISTS[id] !== 1 && connectionTokens.includes(name.toLowerCase());
}
