/**
 * The gateway's side of the CORS protocol (Fetch standard, 3.3). Costs one header lookup without Origin; with it a set lookup, a comparison
 * for each origin with a wildcard, and the lines that the answer gets, most of which are prebuilt.
 */
export interface CorsPlan {
  /** Every origin may call, without credentials. */
  readonly anyOrigin: boolean;
  /** Serialized origins, in lower case. */
  readonly origins: ReadonlySet<string>;
  /** Origins of subdomains: one begins with `start`, ends with `end`, and has labels between them. */
  readonly subdomains: readonly { readonly start: string; readonly end: string }[];
  /** `*` stands for every method. */
  readonly methods: ReadonlySet<string>;
  /** In lower case; `*` stands for every header but authorization. */
  readonly headers: ReadonlySet<string>;
  readonly exposeHeaders: readonly string[];
  readonly credentials: boolean;
  readonly maxAgeSeconds: number;
}

/** Methods that need no permission (Fetch standard, CORS-safelisted method). */
const SAFELISTED_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST']);
const LABELS = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;
const MAX_ORIGIN_LENGTH = 300;
/** More names than this are not asked for in earnest. */
const MAX_ASKED_HEADERS = 128;

/** Whether scripts of an origin may read answers. `origin` as the client sends it. */
export function allowsOrigin(plan: CorsPlan, origin: string): boolean {
  if (plan.anyOrigin) return true;
  if (origin.length > MAX_ORIGIN_LENGTH) return false;
  if (plan.origins.has(origin)) return true;
  return plan.subdomains.some(
    ({ start, end }) =>
      origin.startsWith(start) &&
      origin.endsWith(end) &&
      LABELS.test(origin.slice(start.length, Math.max(start.length, origin.length - end.length))),
  );
}

/**
 * Why a preflight of an allowed origin is refused; undefined: it is not.
 * @param headers the value of Access-Control-Request-Headers
 */
export function preflightRefusal(plan: CorsPlan, method: string, headers: string | undefined): string | undefined {
  if (!SAFELISTED_METHODS.has(method) && !plan.methods.has(method) && !plan.methods.has('*')) {
    return `The method ${method} is not allowed to other origins.`;
  }
  if (headers === undefined) return undefined;
  const names = headers.split(',', MAX_ASKED_HEADERS + 1);
  if (names.length > MAX_ASKED_HEADERS) return 'Too many headers are asked for.';
  for (const text of names) {
    const name = text.trim().toLowerCase();
    if (name === '' || plan.headers.has(name) || (plan.headers.has('*') && name !== 'authorization')) continue;
    return `The header ${name} is not allowed to other origins.`;
  }
  return undefined;
}
