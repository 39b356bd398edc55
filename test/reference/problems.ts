import { type ProblemKind, problemKinds } from '@sluice/data-plane';
import { code, page, table } from './markdown.ts';

const SOURCES: Readonly<Record<ProblemKind['source'], string>> = {
  client: 'the client',
  upstream: 'the service',
  control: 'the configuration',
  internal: 'the gateway',
};

/** The page of all that the gateway answers by itself. */
export function problemsPage(): string {
  const kinds: readonly (readonly [string, ProblemKind])[] = Object.entries(problemKinds);
  return page(
    'Problems',
    'What a node answers by itself is `application/problem+json` (RFC 9457), whose `type` ends in one of these codes; `Proxy-Status` (RFC 9209) has the code in `details`.',
    table(
      ['code', 'status', 'meaning', 'who has to act', 'Proxy-Status error'],
      kinds.map(([name, { status, detail, source, proxyStatus }]) => [
        code(name),
        String(status),
        detail,
        SOURCES[source],
        code(proxyStatus),
      ]),
    ),
  );
}
