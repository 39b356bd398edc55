/** What a Cache-Control field says (RFC 9111, 5.2). Seconds are -1 where a directive is absent. */
export interface CacheDirectives {
  noStore: boolean;
  /** Also where it names fields: what may not be used without asking is then the whole answer. */
  noCache: boolean;
  /** Also where it names fields. */
  private: boolean;
  public: boolean;
  mustRevalidate: boolean;
  proxyRevalidate: boolean;
  mustUnderstand: boolean;
  onlyIfCached: boolean;
  maxAge: number;
  sMaxAge: number;
  /** Infinity where it is given without a value. */
  maxStale: number;
  minFresh: number;
  staleWhileRevalidate: number;
  staleIfError: number;
}

export const NO_DIRECTIVES: Readonly<CacheDirectives> = {
  noStore: false,
  noCache: false,
  private: false,
  public: false,
  mustRevalidate: false,
  proxyRevalidate: false,
  mustUnderstand: false,
  onlyIfCached: false,
  maxAge: -1,
  sMaxAge: -1,
  maxStale: -1,
  minFresh: -1,
  staleWhileRevalidate: -1,
  staleIfError: -1,
};

/** RFC 9111, 1.2.2: what is longer counts as this. */
const LONGEST_SECONDS = 2 ** 31;
const DIRECTIVE = /[ \t]*(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^,"\t ]*)))?[ \t]*)?(,|$)/y;
const DIGITS = /^\d+$/;

/**
 * Reads the joined value of Cache-Control. What cannot be read as a whole is taken for the most careful: nothing is stored or used.
 * Of a directive that comes twice the shorter time counts, and a time that is none is 0.
 */
export function parseCacheControl(value: string): CacheDirectives {
  const directives = { ...NO_DIRECTIVES };
  DIRECTIVE.lastIndex = 0;
  for (let at = 0; at < value.length; at = DIRECTIVE.lastIndex) {
    DIRECTIVE.lastIndex = at;
    const match = DIRECTIVE.exec(value);
    if (match === null) {
      directives.noStore = true;
      directives.noCache = true;
      return directives;
    }
    if (match[1] !== undefined) take(directives, match[1].toLowerCase(), match[2] ?? match[3]);
    if (match[4] === '') break;
  }
  return directives;
}

function take(directives: CacheDirectives, name: string, argument: string | undefined): void {
  switch (name) {
    case 'no-store':
      directives.noStore = true;
      break;
    case 'no-cache':
      directives.noCache = true;
      break;
    case 'private':
      directives.private = true;
      break;
    case 'public':
      directives.public = true;
      break;
    case 'must-revalidate':
      directives.mustRevalidate = true;
      break;
    case 'proxy-revalidate':
      directives.proxyRevalidate = true;
      break;
    case 'must-understand':
      directives.mustUnderstand = true;
      break;
    case 'only-if-cached':
      directives.onlyIfCached = true;
      break;
    case 'max-age':
      directives.maxAge = shorter(directives.maxAge, argument);
      break;
    case 's-maxage':
      directives.sMaxAge = shorter(directives.sMaxAge, argument);
      break;
    case 'max-stale':
      directives.maxStale = argument === undefined ? Number.POSITIVE_INFINITY : shorter(-1, argument);
      break;
    case 'min-fresh':
      directives.minFresh = shorter(-1, argument);
      break;
    case 'stale-while-revalidate':
      directives.staleWhileRevalidate = shorter(directives.staleWhileRevalidate, argument);
      break;
    case 'stale-if-error':
      directives.staleIfError = shorter(directives.staleIfError, argument);
      break;
    default:
      break;
  }
}

function shorter(known: number, argument: string | undefined): number {
  const seconds = argument !== undefined && DIGITS.test(argument) ? Math.min(Number(argument), LONGEST_SECONDS) : 0;
  return known < 0 ? seconds : Math.min(known, seconds);
}
