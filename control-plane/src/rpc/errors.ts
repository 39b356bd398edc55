import { Code, ConnectError } from '@connectrpc/connect';
import { type Problem, ProblemsSchema, type Severity } from '@sluice/proto';
import { describeProblem, type Failure, type Outcome } from '../config/index.ts';

/** The value of an operation that was done; what it was refused for is thrown as the error that clients get. */
export function answerOf<T>(outcome: Outcome<T>): T {
  if (outcome.ok) return outcome.value;
  throw failureError(outcome.failure);
}

function failureError(failure: Failure): ConnectError {
  switch (failure.kind) {
    case 'invalid':
      return problemsError(failure.problems.map(describeProblem), failure.message);
    case 'conflict':
      return new ConnectError(failure.message, Code.Aborted);
    case 'notFound':
      return new ConnectError(failure.message, Code.NotFound);
    case 'alreadyExists':
      return new ConnectError(failure.message, Code.AlreadyExists);
    case 'failedPrecondition':
      return new ConnectError(failure.message, Code.FailedPrecondition);
    case 'unauthenticated':
      return new ConnectError(failure.message, Code.Unauthenticated);
    case 'exhausted':
      return new ConnectError(failure.message, Code.ResourceExhausted);
    case 'unavailable':
      return retryableError(Code.Unavailable, failure.message, failure.retryAfterMs);
    default:
      return failure satisfies never;
  }
}

/** A problem as plain data. */
export type PlainProblem = Omit<Problem, '$typeName' | '$unknown'>;

/**
 * Trailer of errors that are worth a retry: how long to wait first, in milliseconds, decimal. The name is that of gRPC's
 * retry design (proposal A6), so that clients with a retry policy obey it without being told.
 */
const retryHintTrailer = 'grpc-retry-pushback-ms';

/** An error that goes away by itself, and when to ask again. */
export function retryableError(
  code: typeof Code.Unavailable | typeof Code.ResourceExhausted | typeof Code.Aborted,
  message: string,
  retryAfterMs: number,
): ConnectError {
  return new ConnectError(message, code, { [retryHintTrailer]: String(Math.ceil(retryAfterMs)) });
}

/** invalid_argument with all that is wrong as a detail of type sluice.admin.v1.Problems. */
export function problemsError(problems: readonly PlainProblem[], message = summarize(problems)): ConnectError {
  const details = problems.length === 0 ? [] : [{ desc: ProblemsSchema, value: { problems: [...problems] } }];
  return new ConnectError(message, Code.InvalidArgument, undefined, details);
}

function summarize(problems: readonly PlainProblem[]): string {
  const [first] = problems;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  const place = [first?.kind, first?.name, first?.field].filter(Boolean).join(' ');
  return `${place}: ${first?.message}${more}`;
}

/** A problem with a request itself rather than with a resource in it. */
export function requestProblem(severity: Severity, field: string, message: string): PlainProblem {
  return { severity, kind: '', name: '', field, message, remedy: '' };
}
