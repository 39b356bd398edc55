import type { FieldList } from './field-list.ts';
import {
  type BodyKind,
  type Framing,
  keepsAlive,
  readConnection,
  readContentLength,
  readTransferEncoding,
  trimmed,
} from './framing.ts';
import { type Finding, type HeadGrammar, type HeadLimits, HeadReader } from './head-reader.ts';
import { HeaderId } from './header-id.ts';
import { type Host, parseHost } from './host.ts';
import { servedMethod } from './methods.ts';
import { type Refusal, refuse } from './refusal.ts';

/** The head of a request that can mean only one thing. Everything a client may have meant otherwise was refused. */
export interface RequestHead extends FieldList, Framing {
  readonly ok: true;
  /** As received, and one of those that are served (methods.ts), so never CONNECT. */
  method: string;
  /** The request target as received. */
  target: string;
  /** Path and query of the target as received (`/` where an absolute target has none); `*` for `OPTIONS *`, also
   * where that is written as an absolute target without path (RFC 9112 3.2.4). */
  path: string;
  form: 'origin' | 'absolute' | 'asterisk';
  /** Scheme of an absolute target, else empty. */
  scheme: 'http' | 'https' | '';
  /** 1 for HTTP/1.1, 0 for HTTP/1.0. */
  minor: 0 | 1;
  /** Of the absolute target, else of Host; null only for HTTP/1.0 without one (or with an empty one). */
  host: Host | null;
  body: Exclude<BodyKind, 'close'>;
  /** May the connection carry another request after this one. */
  keepAlive: boolean;
  /** The client waits for 100 (Continue) before it sends its body. Never set for HTTP/1.0 or without a body. */
  expectContinue: boolean;
  /** Value of Upgrade where Connection lists it, HTTP/1.1 only; else null. */
  upgrade: string | null;
  /** TE lists `trailers` (with Connection: TE or not). */
  trailersAccepted: boolean;
  /** Value of Max-Forwards, -1 where absent: how often the request may still be passed on (RFC 9110 7.6.2). */
  maxForwards: number;
}

export const REQUEST_HEAD_LIMITS: HeadLimits = {
  targetBytes: 16 * 1024,
  headerBytes: 32 * 1024,
  headerCount: 100,
};

export type RequestHeadReader = HeadReader<RequestHead>;

/** One per client connection. */
export function createRequestHeadReader(limits: HeadLimits = REQUEST_HEAD_LIMITS): RequestHeadReader {
  return new HeadReader(requestGrammar, limits, true);
}

const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}) ([\x21\x22\x24-\x7e]+) HTTP\/1\.([01])\r\n/;
const SLASH = 0x2f;
const ABSOLUTE = /^(https?):\/\/([^/?]*)(\?|\/|$)/i;
const MAX_METHOD_LENGTH = 32;
const AFTER_TARGET = ' HTTP/1.1\r\n'.length;

const REQUEST_LINE_INVALID = refuse('bad_request', 'malformed request line');
const METHOD_INVALID = refuse('bad_request', 'malformed method');
const TARGET_TOO_LONG = refuse('uri_too_long', 'request target exceeds the limit');
const TARGET_INVALID = refuse('bad_request', 'malformed request target');
const VERSION_UNSUPPORTED = refuse('http_version', 'HTTP version other than 1.0 and 1.1');
const METHOD_UNKNOWN = refuse('not_implemented', 'method not served');
const HOST_REPEATED = refuse('bad_request', 'more than one Host');
const HOST_INVALID = refuse('bad_request', 'invalid Host');
const HOST_MISSING = refuse('bad_request', 'no Host');
const EXPECTATION = refuse('expectation_failed', 'expectation other than 100-continue');
const UPGRADE_REPEATED = refuse('bad_request', 'more than one Upgrade');
const MAX_FORWARDS_INVALID = refuse('bad_request', 'invalid Max-Forwards');

const MAX_FORWARDS = /^\d{1,9}$/;

interface RequestHeadInProgress extends RequestHead {
  hostSeen: boolean;
  hostEmpty: boolean;
  upgradeValue: string | null;
}

const requestGrammar: HeadGrammar<RequestHead> = {
  create: createRequestHead,
  startLine: readRequestLine,
  startLineBytes: (limits) => MAX_METHOD_LENGTH + 1 + limits.targetBytes + AFTER_TARGET,
  explain: explainRequestLine,
  field: readRequestField,
  finish: finishRequestHead,
};

function createRequestHead(): RequestHeadInProgress {
  return {
    ok: true,
    method: '',
    target: '',
    path: '',
    form: 'origin',
    scheme: '',
    minor: 1,
    headers: [],
    ids: [],
    text: '',
    lines: [],
    host: null,
    body: 'none',
    contentLength: -1,
    chunked: false,
    closeAsked: false,
    keepAliveAsked: false,
    connectionTokens: null,
    upgradeAsked: false,
    keepAlive: false,
    expectContinue: false,
    upgrade: null,
    trailersAccepted: false,
    maxForwards: -1,
    hostSeen: false,
    hostEmpty: false,
    upgradeValue: null,
  };
}

function readRequestLine(head: RequestHead, text: string, limits: HeadLimits): boolean | Refusal {
  const match = REQUEST_LINE.exec(text);
  if (match === null) return false;
  const target = match[2] as string;
  if (target.length > limits.targetBytes) return TARGET_TOO_LONG;
  const method = servedMethod(match[1] as string);
  head.target = target;
  head.path = target;
  head.minor = match[3] === '1' ? 1 : 0;
  if (method === undefined) return METHOD_UNKNOWN;
  head.method = method;
  return target.charCodeAt(0) === SLASH || (readOtherForm(head) ?? true);
}

/** RFC 9112 3.2.2 and 3.2.4. The authority form belongs to CONNECT alone. */
function readOtherForm(head: RequestHead): Refusal | null {
  const { target } = head;
  if (target === '*') {
    head.form = 'asterisk';
    return head.method === 'OPTIONS' ? null : TARGET_INVALID;
  }
  const match = ABSOLUTE.exec(target);
  if (match === null) return TARGET_INVALID;
  const host = parseHost(match[2] as string);
  if (host === undefined) return HOST_INVALID;
  head.form = 'absolute';
  head.scheme = (match[1] as string).toLowerCase() as 'http' | 'https';
  head.host = host;
  const path = target.slice(match[0].length - (match[3] as string).length);
  if (path === '' && head.method === 'OPTIONS') head.path = '*';
  else head.path = path.startsWith('/') ? path : `/${path}`;
  return null;
}

function explainRequestLine(line: string, limits: HeadLimits): Finding {
  const space = line.indexOf(' ');
  if (space > MAX_METHOD_LENGTH || (space < 0 && line.length > MAX_METHOD_LENGTH)) {
    return { at: MAX_METHOD_LENGTH, refusal: METHOD_INVALID };
  }
  const parts = /^[^ ]* ([^ \r\n]*)(?: ([^\r\n]*))?/.exec(line);
  if (parts === null) return { at: Infinity, refusal: REQUEST_LINE_INVALID };
  const target = parts[1] as string;
  const version = parts[2];
  if (target.length > limits.targetBytes) return { at: space + 1 + limits.targetBytes, refusal: TARGET_TOO_LONG };
  if (version !== undefined && version.length > AFTER_TARGET) {
    return { at: space + 1 + target.length + 1 + AFTER_TARGET, refusal: REQUEST_LINE_INVALID };
  }
  const understood = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [\x21\x22\x24-\x7e]+ HTTP\/\d\.\d\r\n$/.test(line);
  return { at: Infinity, refusal: understood ? VERSION_UNSUPPORTED : REQUEST_LINE_INVALID };
}

function readRequestField(given: RequestHead, id: HeaderId, value: string): Refusal | null {
  const head = given as RequestHeadInProgress;
  switch (id) {
    case HeaderId.host:
      return readHostField(head, value);
    case HeaderId.contentLength:
      return readContentLength(head, value);
    case HeaderId.transferEncoding:
      return readTransferEncoding(head, value, head.minor);
    case HeaderId.connection:
      return readConnection(head, value);
    case HeaderId.expect:
      if (value.toLowerCase() !== '100-continue') return EXPECTATION;
      head.expectContinue = true;
      return null;
    case HeaderId.upgrade:
      if (head.upgradeValue !== null) return UPGRADE_REPEATED;
      head.upgradeValue = value;
      return null;
    case HeaderId.te:
      head.trailersAccepted ||= value.toLowerCase().split(',').map(trimmed).includes('trailers');
      return null;
    case HeaderId.maxForwards:
      if (head.maxForwards >= 0 || !MAX_FORWARDS.test(value)) return MAX_FORWARDS_INVALID;
      head.maxForwards = Number(value);
      return null;
    default:
      return null;
  }
}

function readHostField(head: RequestHeadInProgress, value: string): Refusal | null {
  if (head.hostSeen) return HOST_REPEATED;
  head.hostSeen = true;
  if (value === '') {
    head.hostEmpty = true;
    return null;
  }
  const host = parseHost(value);
  if (host === undefined) return HOST_INVALID;
  head.host ??= host;
  return null;
}

function finishRequestHead(given: RequestHead): Refusal | null {
  const head = given as RequestHeadInProgress;
  if (head.minor === 1 && (!head.hostSeen || (head.hostEmpty && head.form !== 'absolute'))) return HOST_MISSING;
  head.body = head.chunked ? 'chunked' : head.contentLength > 0 ? 'length' : 'none';
  head.keepAlive = keepsAlive(head, head.minor);
  head.expectContinue &&= head.minor === 1 && head.body !== 'none';
  if (head.upgradeAsked && head.minor === 1) head.upgrade = head.upgradeValue;
  return null;
}
