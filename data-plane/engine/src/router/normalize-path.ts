import { decodesToUnreserved, isHexDigit, PATH_CHARACTERS, PathCharacter, toUpperHex } from './path-characters.ts';

export interface NormalizePathOptions {
  /** Collapse runs of `/` into one. Default false: an empty segment is a segment. */
  readonly mergeSlashes?: boolean;
  /** Admit `%2F`, `%5C` and `\` (which becomes `%5C`) as data within a segment. Default false: refused. */
  readonly allowEncodedSlashes?: boolean;
}

/** Why a path is refused; answered as 400 `bad_request`. */
export interface BadPath {
  readonly code: 'bad_request';
  readonly message: string;
}

/** A request target in origin form, split. */
export interface NormalizedTarget {
  readonly path: string;
  /** Raw, with its `?`; empty where the target has none: `path + query` is the target to forward. */
  readonly query: string;
}

const DEFAULTS: NormalizePathOptions = {};
const SLASH = 0x2f;
const DOT = 0x2e;
const PERCENT = 0x25;

/**
 * The one form of a path, used to route, authorize, limit, cache and forward (RFC 3986 sections 6.2.2 and 5.2.4): escapes of
 * unreserved characters decoded, the others in upper case, `|`, `[` and `]` escaped, dot segments removed. `;` is data within its
 * segment, `//` is kept. An empty path is `/`; `*` (OPTIONS) stays. Returns its argument where nothing is to be done. Idempotent.
 *
 * Refused: what does not begin with `/`; NUL, other controls and non-ASCII, also NUL as `%00`; characters no path may hold;
 * incomplete escapes; escaped slashes and backslashes; overlong UTF-8 in escapes (`%C0%AF`); dot segments with parameters (`..;x`),
 * which are dot segments to servers that cut off what follows `;`.
 */
export function normalizePath(path: string, options: NormalizePathOptions = DEFAULTS): string | BadPath {
  if (path === '') return '/';
  if (path.charCodeAt(0) !== SLASH) return path === '*' ? path : BAD_START;
  let previous = SLASH;
  for (let i = 1; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (code > 0x7e || PATH_CHARACTERS[code] !== PathCharacter.plain) return rewritePath(path, options);
    if (previous === SLASH && (code === DOT || (code === SLASH && options.mergeSlashes === true))) {
      return rewritePath(path, options);
    }
    previous = code;
  }
  return path;
}

/** Splits a request target (origin form or `*`) and normalizes its path. A fragment is refused. */
export function normalizeTarget(target: string, options: NormalizePathOptions = DEFAULTS): NormalizedTarget | BadPath {
  if (target.includes('#')) return BAD_FRAGMENT;
  const queryAt = target.indexOf('?');
  const path = normalizePath(queryAt === -1 ? target : target.slice(0, queryAt), options);
  if (typeof path !== 'string') return path;
  return { path, query: queryAt === -1 ? '' : target.slice(queryAt) };
}

const bad = (message: string): BadPath => Object.freeze({ code: 'bad_request', message });
const BAD_START = bad('the path must begin with "/"');
const BAD_FRAGMENT = bad('the request target must not hold a fragment');
const BAD_CHARACTER = bad('the path holds a character that must be percent-encoded');
const BAD_ESCAPE = bad('the path holds an incomplete percent-encoding');
const BAD_NUL = bad('the path holds NUL');
const BAD_SLASH = bad('the path holds an encoded slash or a backslash');
const BAD_UTF8 = bad('the path holds an overlong UTF-8 sequence');
const BAD_DOTS = bad('the path holds a dot segment with parameters');

const DOTS_WITH_PARAMETERS = /\/\.{1,2}(?:;|%3B)/;

function rewritePath(path: string, options: NormalizePathOptions): string | BadPath {
  const unescaped = canonicalizeEscapes(path, options.allowEncodedSlashes === true);
  if (typeof unescaped !== 'string') return unescaped;
  if (DOTS_WITH_PARAMETERS.test(unescaped)) return BAD_DOTS;
  return removeDotSegments(unescaped, options.mergeSlashes === true);
}

function canonicalizeEscapes(path: string, allowEncodedSlashes: boolean): string | BadPath {
  let out = '';
  let copied = 0;
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i);
    const kind = code > 0x7e ? PathCharacter.refused : PATH_CHARACTERS[code];
    if (kind === PathCharacter.plain) continue;
    if (kind === PathCharacter.refused) return code === 0 ? BAD_NUL : BAD_CHARACTER;
    let replacement: string;
    let width = 1;
    if (kind === PathCharacter.percent) {
      if (!isHexDigit(path.charCodeAt(i + 1)) || !isHexDigit(path.charCodeAt(i + 2))) return BAD_ESCAPE;
      width = 3;
      const byte = Number.parseInt(path.slice(i + 1, i + 3), 16);
      if (byte === 0) return BAD_NUL;
      if ((byte === 0x2f || byte === 0x5c) && !allowEncodedSlashes) return BAD_SLASH;
      if (isOverlongLead(byte, path, i + 3)) return BAD_UTF8;
      replacement = decodesToUnreserved(byte) ? String.fromCharCode(byte) : toUpperHex(byte);
    } else {
      if (kind === PathCharacter.backslash && !allowEncodedSlashes) return BAD_SLASH;
      replacement = toUpperHex(code);
    }
    out += path.slice(copied, i) + replacement;
    i += width - 1;
    copied = i + 1;
  }
  return copied === 0 ? path : out + path.slice(copied);
}

/** By lead byte: second bytes from 0x80 up to this make a sequence that is longer than its code point needs; 0xF8 and 0xFC: old forms. */
const OVERLONG_BELOW: ReadonlyMap<number, number> = new Map([
  [0xc0, 0xc0],
  [0xc1, 0xc0],
  [0xe0, 0xa0],
  [0xf0, 0x90],
  [0xf8, 0x88],
  [0xfc, 0x84],
]);

/** Whether the byte and the escape that follows begin a UTF-8 sequence longer than its code point needs (RFC 3629 section 3). */
function isOverlongLead(byte: number, path: string, next: number): boolean {
  const end = OVERLONG_BELOW.get(byte);
  if (end === undefined || path.charCodeAt(next) !== PERCENT) return false;
  const following = Number.parseInt(path.slice(next + 1, next + 3), 16);
  return following >= 0x80 && following < end;
}

function removeDotSegments(path: string, mergeSlashes: boolean): string {
  const kept: string[] = [];
  const segments = path.split('/');
  const last = segments.length - 1;
  for (let i = 1; i <= last; i++) {
    const segment = segments[i]!;
    if (segment === '..') kept.pop();
    if (segment === '.' || segment === '..') {
      if (i === last) kept.push('');
    } else if (segment !== '' || i === last || !mergeSlashes) {
      kept.push(segment);
    }
  }
  return `/${kept.join('/')}`;
}
