import type { Problem } from '@sluice/engine';
import { ProblemsSchema } from '@sluice/proto';
import type { RpcError } from '@sluice/proto/grpc-client';
import type { LoadedManifests } from '../manifests/load-manifests.ts';
import { oneLine } from '../output/plain-text.ts';
import { formatProblem } from '../output/problems.ts';
import { readProblems } from './read-problems.ts';

/** What to tell a person about a call that failed, with the files and lines where they are known. */
export function explainError(error: RpcError, server: string, manifests?: LoadedManifests): string {
  const problems = problemsOf(error);
  if (problems.length > 0)
    return problems.map((problem) => formatProblem(problem, manifests?.placeOf(problem))).join('\n');
  return oneLine(explainCode(error, server));
}

/** The problems that an answer carries, if it carries any. */
function problemsOf(error: RpcError): Problem[] {
  return error.findDetails(ProblemsSchema).flatMap(({ problems }) => readProblems(problems));
}

function explainCode(error: RpcError, server: string): string {
  switch (error.code) {
    case 'unavailable':
      return explainUnavailable(error, server);
    case 'deadline_exceeded':
      return `the control plane at ${server} did not answer in time; what was asked for may still happen`;
    case 'unauthenticated':
      // An API key that is exchanged for a token may be refused too: no token of the control plane would help.
      return NEEDS_TOKEN.test(error.rawMessage)
        ? `${server} refuses: ${error.rawMessage}; give one with --token or SLUICE_TOKEN, or use a context that has one`
        : `${server} refuses: ${error.rawMessage}`;
    case 'unimplemented':
      return `${server} does not know this command: it is no control plane, or one of another version`;
    case 'aborted':
    case 'already_exists':
    case 'failed_precondition':
    case 'invalid_argument':
    case 'not_found':
    case 'permission_denied':
      return error.rawMessage;
    default:
      return `${server}: ${error.message}`;
  }
}

const NEEDS_TOKEN = /^(?:a token is required|wrong token)/;

/** grpc-js says with this that there is no connection, and last why. */
const NO_CONNECTION = /^(?:No connection established|Name resolution failed)/;

/** What a lost or impossible connection comes from, in what grpc-js says about it. */
const CAUSES: readonly (readonly [RegExp, string])[] = [
  [/ECONNREFUSED/, 'nothing listens there'],
  [/Name resolution failed|ENOTFOUND|EAI_AGAIN/, 'there is no such host'],
  [/ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|timed? ?out/i, 'the host cannot be reached'],
  [/Protocol error|ERR_HTTP2|Parse Error/, 'what answers there is no control plane'],
  [/SSL|TLS|ERR_INVALID_ARG_VALUE|certificate/i, 'it does not speak TLS as asked; try http://'],
];

function explainUnavailable({ rawMessage, retryAfterMs }: RpcError, server: string): string {
  if (!NO_CONNECTION.test(rawMessage)) {
    const hint = retryAfterMs === undefined ? '' : `; try again in ${Math.ceil(retryAfterMs / 1000)} s`;
    return `the control plane at ${server} cannot do it now: ${rawMessage}${hint}`;
  }
  const cause = CAUSES.find(([pattern]) => pattern.test(rawMessage))?.[1] ?? rawMessage;
  return `cannot reach a control plane at ${server}: ${cause}`;
}
