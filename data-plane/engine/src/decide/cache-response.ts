import { type CacheDirectives, NO_DIRECTIVES, parseCacheControl } from './cache-control.ts';
import { parseHttpDate } from './http-date.ts';

/** Which answers of a route are kept. A hit costs a hash of its key, a copy out of shared memory, and one write; see docs/cache.md. */
export interface CachePlan {
  /** How long, where the origin does not say. */
  readonly ttlMs: number;
  /** Whether GET, HEAD may be kept; answers to GET serve HEAD too. */
  readonly keepsGet: boolean;
  readonly keepsHead: boolean;
  /** Request headers, in lower case, that tell answers apart whatever Vary says. */
  readonly vary: readonly string[];
  readonly respectOrigin: boolean;
  readonly maxBodyBytes: number;
  readonly tags: readonly string[];
  /** Where the origin does not say. */
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
  /** Nodes share their answers in Redis. A miss waits for it, 50 ms at most. */
  readonly shared: boolean;
}

/** What an answer says, as a cache asks it: values of one name joined, names in lower case. */
export interface CachedFields {
  field(name: string): string | undefined;
}

/** What is known of an answer when it comes. */
export interface ArrivedResponse extends CachedFields {
  readonly status: number;
  /** Between asking and its head. */
  readonly delayMs: number;
  /** Wall clock at its head. */
  readonly unixNowMs: number;
}

/** How long an answer that is stored may be used. Milliseconds. */
export interface StoredTimes {
  /** Its age when it came (RFC 9111, 4.2.3). */
  readonly initialAgeMs: number;
  /** Fresh until it is this old; 0: it has to be asked about each time. */
  readonly lifetimeMs: number;
  /** How far past that it is served while it is fetched again, and where the origin fails. */
  readonly whileRevalidateMs: number;
  readonly ifErrorMs: number;
  /** Past its time it is served under no circumstances without asking (must-revalidate, proxy-revalidate, s-maxage, no-cache). */
  readonly mustRevalidate: boolean;
}

/** What may be stored without the origin saying for how long (RFC 9110, 15.1); but 206, which is never. */
const KEPT_BY_DEFAULT: ReadonlySet<number> = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501]);
/** What `must-understand` asks for (RFC 9111, 5.2.2.3): its rules are those that this cache keeps. */
const UNDERSTOOD: ReadonlySet<number> = new Set([...KEPT_BY_DEFAULT, 201, 202, 302, 303, 307, 400, 403, 406, 409, 422]);
/** Without meaning for the next who asks: partial, not modified, and what is about one connection. */
const NEVER_KEPT: ReadonlySet<number> = new Set([206, 304, 401, 407, 408, 416, 421, 425, 429, 431]);

/**
 * How long an answer may be used by everyone, or undefined where it may not be stored (RFC 9111, 3).
 * @param isPersonal the request named its caller, and the key does not tell callers apart (RFC 9111, 3.5)
 */
export function storedTimes(plan: CachePlan, response: ArrivedResponse, isPersonal: boolean): StoredTimes | undefined {
  const { status } = response;
  if (status < 200 || NEVER_KEPT.has(status)) return undefined;
  // Whom it is for is in it.
  if (response.field('set-cookie') !== undefined) return undefined;
  const vary = response.field('vary');
  if (vary?.includes('*')) return undefined;
  const control = response.field('cache-control');
  const told: Readonly<CacheDirectives> = control === undefined ? NO_DIRECTIVES : parseCacheControl(control);
  // Whom an answer is for is the origin's to say, also where it is not asked for how long.
  if (told.noStore || told.private || (told.mustUnderstand && !UNDERSTOOD.has(status))) return undefined;
  if (isPersonal && !told.public && told.sMaxAge < 0 && !told.mustRevalidate) return undefined;
  const said = plan.respectOrigin ? told : NO_DIRECTIVES;
  const toldMs = plan.respectOrigin ? toldLifetimeMs(said, response) : -1;
  const mayDefault = KEPT_BY_DEFAULT.has(status);
  if (toldMs < 0 && !mayDefault && !said.public) return undefined;
  const lifetimeMs =
    said.noCache || (plan.respectOrigin && saidAge(response) === undefined)
      ? 0
      : toldMs >= 0
        ? toldMs
        : mayDefault || said.public
          ? plan.ttlMs
          : 0;
  const mustRevalidate = said.mustRevalidate || said.proxyRevalidate || said.noCache || said.sMaxAge >= 0;
  const times: StoredTimes = {
    initialAgeMs: initialAgeMs(response, plan.respectOrigin),
    lifetimeMs,
    whileRevalidateMs: mustRevalidate ? 0 : window(said.staleWhileRevalidate, plan.staleWhileRevalidateMs),
    ifErrorMs: mustRevalidate ? 0 : window(said.staleIfError, plan.staleIfErrorMs),
    mustRevalidate,
  };
  return isWorthIt(times, toldMs >= 0 || said.noCache, response) ? times : undefined;
}

/** The window of a stale answer: the origin's word over the route's. */
function window(saidSeconds: number, planMs: number): number {
  return saidSeconds >= 0 ? saidSeconds * 1000 : planMs;
}

/** What is fresh for a while, or can be asked about, or may serve while the origin is away. */
function isWorthIt(times: StoredTimes, isTold: boolean, response: CachedFields): boolean {
  if (times.lifetimeMs > times.initialAgeMs) return true;
  if (!isTold) return false;
  const hasValidator = response.field('etag') !== undefined || response.field('last-modified') !== undefined;
  return hasValidator || times.lifetimeMs + Math.max(times.whileRevalidateMs, times.ifErrorMs) > times.initialAgeMs;
}

/** RFC 9111, 4.2.1, for a shared cache; -1 where the origin does not say. */
function toldLifetimeMs(said: Readonly<CacheDirectives>, response: ArrivedResponse): number {
  if (said.sMaxAge >= 0) return said.sMaxAge * 1000;
  if (said.maxAge >= 0) return said.maxAge * 1000;
  const expires = response.field('expires');
  if (expires === undefined) return -1;
  const untilMs = parseHttpDate(expires, response.unixNowMs);
  if (untilMs === undefined) return 0;
  const date = response.field('date');
  const sinceMs = (date === undefined ? undefined : parseHttpDate(date, response.unixNowMs)) ?? response.unixNowMs;
  return Math.max(0, untilMs - sinceMs);
}

/** Of a list in one field the first counts (RFC 9111, 5.1); of several fields, which are joined with a space, nobody knows which holds. */
const AGE = /^(\d+)(?:,(?! )|$)/;

/** What Age says, in seconds, 0 where it is absent; undefined where it is none, and nobody knows how old the answer is. */
function saidAge(response: CachedFields): number | undefined {
  const age = response.field('age');
  if (age === undefined) return 0;
  const seconds = AGE.exec(age)?.[1];
  return seconds === undefined ? undefined : Math.min(Number(seconds), 2 ** 31);
}

/** RFC 9111, 4.2.3. */
function initialAgeMs(response: ArrivedResponse, respectOrigin: boolean): number {
  if (!respectOrigin) return 0;
  const { delayMs, unixNowMs } = response;
  const date = response.field('date');
  const dateMs = date === undefined ? undefined : parseHttpDate(date, unixNowMs);
  // A Date has seconds only: what came within the second of it is not a second old.
  const apparentMs = dateMs === undefined ? 0 : Math.max(0, unixNowMs - dateMs - 1000);
  return Math.max(apparentMs, (saidAge(response) ?? 0) * 1000 + delayMs);
}
