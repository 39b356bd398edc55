import type { Problem } from '@sluice/engine';
import { Severity, type Problem as WireProblem } from '@sluice/proto';

/** Problems of an answer as the engine has them. */
export function readProblems(problems: readonly WireProblem[]): Problem[] {
  return problems.map(({ severity, kind, name, field, message, remedy }) => ({
    severity: severity === Severity.ERROR ? 'error' : 'warning',
    kind,
    name,
    field,
    message,
    ...(remedy === '' ? {} : { remedy }),
  }));
}
