/** What http-cache-tests finds of the gateway, as its own page calls it; `pass` is also a `yes` to what merely asks. */
export type Outcome =
  | 'pass'
  /** A rule is broken. */
  | 'fail'
  /** Something that a cache may do is not done. */
  | 'optional'
  /** The answer to what merely asks. */
  | 'no'
  /** The test could not come to its question. */
  | 'setup'
  /** It needs another test that did not pass. */
  | 'dependency';

interface Expectation {
  readonly reason: string;
  readonly outcome: Outcome;
  readonly ids: readonly string[];
}

const EXPECTATIONS: readonly Expectation[] = [
  {
    reason: 'answers with Set-Cookie are for one client and never kept',
    outcome: 'setup',
    ids: ['304-etag-update-response-Set-Cookie', 'headers-store-Set-Cookie'],
  },
  {
    reason: 'Age is added to the time that max-stale allows',
    outcome: 'no',
    ids: ['ccreq-max-stale-age'],
  },
  {
    reason: 'where nothing is kept the whole answer is fetched, for all who ask',
    outcome: 'no',
    ids: ['conditional-etag-forward'],
  },
  {
    reason: 'where nothing is kept the whole answer is fetched, for all who ask',
    outcome: 'dependency',
    ids: ['conditional-etag-forward-unquoted'],
  },
  {
    reason: 'only entity tags as RFC 9110 writes them are compared, and what is kept is asked about as it was sent',
    outcome: 'no',
    ids: [
      'conditional-etag-quoted-respond-unquoted',
      'conditional-etag-strong-generate-unquoted',
      'conditional-etag-strong-respond-obs-text',
      'conditional-etag-unquoted-respond-quoted',
      'conditional-etag-unquoted-respond-unquoted',
      'conditional-etag-weak-respond-backslash',
      'conditional-etag-weak-respond-lowercase',
      'conditional-etag-weak-respond-omit-slash',
    ],
  },
  {
    reason: 'another variant is not asked about; the origin of the test then answers 999, which is no HTTP',
    outcome: 'setup',
    ids: ['conditional-etag-vary-headers-mismatch'],
  },
  {
    reason: 'If-Modified-Since is held against Last-Modified, or Date; the test wants the time of arrival',
    outcome: 'optional',
    ids: ['conditional-lm-fresh-no-lm'],
  },
  {
    reason: 'what is no date of RFC 9110 makes an answer stale',
    outcome: 'no',
    ids: [
      'freshness-expires-32bit',
      'freshness-expires-far-future',
      'freshness-expires-invalid-1-digit-hour',
      'freshness-expires-invalid-2-digit-year',
      'freshness-expires-invalid-aest',
      'freshness-expires-invalid-date-dashes',
      'freshness-expires-invalid-multiple-lines',
      'freshness-expires-invalid-multiple-spaces',
      'freshness-expires-invalid-no-comma',
      'freshness-expires-invalid-time-periods',
      'freshness-expires-invalid-utc',
      'freshness-expires-wrong-case-month',
      'freshness-expires-wrong-case-tz',
      'freshness-expires-wrong-case-weekday',
    ],
  },
  {
    reason: 'what is no number of seconds makes an answer stale',
    outcome: 'no',
    ids: [
      'freshness-max-age-100a',
      'freshness-max-age-a100',
      'freshness-max-age-decimal-five',
      'freshness-max-age-decimal-zero',
    ],
  },
  {
    reason: 'of two times that differ the shorter counts',
    outcome: 'no',
    ids: [
      'freshness-max-age-two-fresh-stale-sameline',
      'freshness-max-age-two-fresh-stale-sepline',
      'freshness-max-age-two-stale-fresh-sameline',
      'freshness-max-age-two-stale-fresh-sepline',
    ],
  },
  {
    reason: 'an answer to HEAD changes nothing of what is kept for GET',
    outcome: 'no',
    ids: ['head-200-freshness-update', 'head-200-retain'],
  },
  {
    reason: 'an answer to HEAD changes nothing of what is kept for GET',
    outcome: 'dependency',
    ids: ['head-200-update', 'head-410-update'],
  },
  {
    reason: 'no-cache with names is taken for no-cache: more is asked for than would have to be',
    outcome: 'setup',
    ids: [
      'headers-omit-headers-listed-in-Cache-Control-no-cache',
      'headers-omit-headers-listed-in-Cache-Control-no-cache-single',
    ],
  },
  {
    reason: 'the origin says Transfer-Encoding: foo, which is refused',
    outcome: 'setup',
    ids: ['headers-store-Transfer-Encoding'],
  },
  {
    reason: 'nothing is kept by guessing: a route says how long with ttl, and this one does not',
    outcome: 'optional',
    ids: [
      'heuristic-200-cached',
      'heuristic-203-cached',
      'heuristic-204-cached',
      'heuristic-404-cached',
      'heuristic-405-cached',
      'heuristic-410-cached',
      'heuristic-414-cached',
      'heuristic-501-cached',
      'heuristic-599-cached',
    ],
  },
  {
    reason: 'nothing is kept by guessing: a route says how long with ttl, and this one does not',
    outcome: 'no',
    ids: [
      'heuristic-delta-10',
      'heuristic-delta-1200',
      'heuristic-delta-1800',
      'heuristic-delta-30',
      'heuristic-delta-300',
      'heuristic-delta-3600',
      'heuristic-delta-43200',
      'heuristic-delta-5',
      'heuristic-delta-60',
      'heuristic-delta-600',
      'heuristic-delta-86400',
      'other-heuristic-content-disposition-attachment',
      'pragma-response-no-cache-heuristic',
    ],
  },
  {
    reason: 'answers to POST are never kept',
    outcome: 'optional',
    ids: ['method-POST'],
  },
  {
    reason: 'answers with Set-Cookie are for one client and never kept',
    outcome: 'optional',
    ids: ['other-set-cookie'],
  },
  {
    reason: 'parts are neither kept nor cut out of what is kept: requests with Range go to the service',
    outcome: 'optional',
    ids: [
      'partial-store-complete-reuse-partial',
      'partial-store-complete-reuse-partial-no-last',
      'partial-store-complete-reuse-partial-suffix',
      'partial-store-partial-complete',
      'partial-store-partial-reuse-partial',
      'partial-store-partial-reuse-partial-absent',
      'partial-store-partial-reuse-partial-byterange',
      'partial-store-partial-reuse-partial-suffix',
    ],
  },
  {
    reason: 'parts are neither kept nor cut out of what is kept: requests with Range go to the service',
    outcome: 'dependency',
    ids: ['partial-use-headers', 'partial-use-stored-headers'],
  },
  {
    reason: 'the test asks whether Pragma is ignored; it is obeyed',
    outcome: 'no',
    ids: ['pragma-request-no-cache'],
  },
  {
    reason:
      'stale answers are served where the service fails only if the answer or the route says so; stale-sie-close and stale-sie-503 pass',
    outcome: 'no',
    ids: ['stale-503', 'stale-close'],
  },
  {
    reason: 'they need stale-close, and an answer of the gateway itself has no number of the origin to compare',
    outcome: 'dependency',
    ids: [
      'stale-close-must-revalidate',
      'stale-close-no-cache',
      'stale-close-proxy-revalidate',
      'stale-close-s-maxage=2',
    ],
  },
  {
    reason: 'Warning is obsolete (RFC 9111, 5.5)',
    outcome: 'dependency',
    ids: ['stale-warning-become', 'stale-warning-stored'],
  },
  {
    reason: 'values of languages are compared as they are written',
    outcome: 'optional',
    ids: ['vary-normalise-lang-case', 'vary-normalise-lang-order', 'vary-normalise-lang-select'],
  },
];

/** Whatever does not pass, by id. */
export const EXPECTED: ReadonlyMap<string, Outcome> = new Map(
  EXPECTATIONS.flatMap(({ ids, outcome }) => ids.map((id) => [id, outcome] as const)),
);
