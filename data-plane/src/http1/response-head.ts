import type { FieldList } from './field-list.ts';
import {
  type BodyKind,
  type Framing,
  keepsAlive,
  readConnection,
  readContentLength,
  readTransferEncoding,
} from './framing.ts';
import { type Finding, type HeadGrammar, type HeadLimits, HeadReader } from './head-reader.ts';
import { HeaderId } from './header-id.ts';
import { asUpstreamError, type Refusal, refuse } from './refusal.ts';

/** The head of a response, final or interim (1xx). */
export interface ResponseHead extends FieldList, Framing {
  readonly ok: true;
  /** 100-599. */
  status: number;
  /** As received, may be empty. */
  reason: string;
  /** 1 for HTTP/1.1, 0 for HTTP/1.0. */
  minor: 0 | 1;
  /** What follows on the connection; `none` for 1xx, 204, 304 and answers to HEAD whatever the lengths say. */
  body: BodyKind;
  /** May the connection carry another exchange after this response. Without meaning for 1xx. */
  keepAlive: boolean;
  /** Value of Upgrade where Connection lists it; else null. */
  upgrade: string | null;
  /** It has a Date that may be passed on. */
  dated: boolean;
}

export const RESPONSE_HEAD_LIMITS: HeadLimits = { targetBytes: 0, headerBytes: 64 * 1024, headerCount: 200 };

/** Reads the heads of one upstream connection. Refusals are all `upstream_protocol_error`. */
export class ResponseHeadReader {
  readonly #reader: HeadReader<ResponseHead>;

  constructor(limits: HeadLimits = RESPONSE_HEAD_LIMITS) {
    this.#reader = new HeadReader(responseGrammar, limits, false);
  }

  /** Offset in the chunk last given, just behind the head. */
  get end(): number {
    return this.#reader.end;
  }

  /** Some bytes of a head have come, and not all. */
  get started(): boolean {
    return this.#reader.started;
  }

  /**
   * As `HeadReader.read`. `method` is that of the request this answers: a response to HEAD has no body. An interim
   * response (status below 200) is given like any other; the caller reads on for the final one, and decides how many
   * it takes. 101 is only given as such: what follows its head is no longer HTTP.
   */
  read(chunk: Buffer, start: number, method: string): ResponseHead | Refusal | undefined {
    const head = this.#reader.read(chunk, start);
    if (head === undefined) return undefined;
    if (!head.ok) return asUpstreamError(head);
    if (method === 'HEAD') head.body = 'none';
    head.keepAlive = head.body !== 'close' && keepsAlive(head, head.minor);
    return head;
  }
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?\r\n/;
const MAX_STATUS_LINE = 1024;

const STATUS_LINE_INVALID = refuse('bad_request', 'malformed status line');
const BODY_WITHOUT = refuse('bad_request', 'a body announced for a status that has none');
const UPGRADE_REPEATED = refuse('bad_request', 'more than one Upgrade');

const responseGrammar: HeadGrammar<ResponseHead> = {
  create: createResponseHead,
  startLine: readStatusLine,
  startLineBytes: () => MAX_STATUS_LINE,
  explain: explainStatusLine,
  field: readResponseField,
  finish: finishResponseHead,
};

function createResponseHead(): ResponseHead {
  return {
    ok: true,
    status: 0,
    reason: '',
    minor: 1,
    headers: [],
    ids: [],
    text: '',
    lines: [],
    body: 'none',
    contentLength: -1,
    chunked: false,
    closeAsked: false,
    keepAliveAsked: false,
    connectionTokens: null,
    upgradeAsked: false,
    keepAlive: false,
    upgrade: null,
    dated: false,
  };
}

function readStatusLine(head: ResponseHead, text: string): boolean | Refusal {
  const match = STATUS_LINE.exec(text);
  if (match === null) return false;
  if (match[0].length > MAX_STATUS_LINE) return STATUS_LINE_INVALID;
  head.minor = match[1] === '1' ? 1 : 0;
  head.status = Number(match[2]);
  head.reason = match[3] ?? '';
  return true;
}

function explainStatusLine(line: string): Finding {
  return { at: line.length > MAX_STATUS_LINE ? MAX_STATUS_LINE : Infinity, refusal: STATUS_LINE_INVALID };
}

function readResponseField(head: ResponseHead, id: HeaderId, value: string): Refusal | null {
  switch (id) {
    case HeaderId.contentLength:
      return readContentLength(head, value);
    case HeaderId.transferEncoding:
      return readTransferEncoding(head, value, head.minor);
    case HeaderId.connection:
      return readConnection(head, value);
    case HeaderId.upgrade:
      if (head.upgrade !== null) return UPGRADE_REPEATED;
      head.upgrade = value;
      return null;
    case HeaderId.date:
      head.dated = true;
      return null;
    default:
      return null;
  }
}

/** RFC 9112 6.3, but for HEAD, which only the caller knows. */
function finishResponseHead(head: ResponseHead): Refusal | null {
  if (!head.upgradeAsked) head.upgrade = null;
  if (head.connectionTokens?.includes('date')) head.dated = false;
  const { status } = head;
  if (status < 200 || status === 204) return head.chunked || head.contentLength > 0 ? BODY_WITHOUT : null;
  if (status === 304) return null;
  if (head.chunked) head.body = 'chunked';
  else if (head.contentLength < 0) head.body = 'close';
  else if (head.contentLength > 0) head.body = 'length';
  return null;
}
