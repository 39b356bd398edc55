/** What the ConfigService does, without its transport. */
export { applyResources, diffResourcesWithCurrent } from './apply.ts';
export type { ControlContext } from './context.ts';
export { deleteResources } from './delete.ts';
export { describeProblem } from './describe-change.ts';
export { exportResources } from './export.ts';
export { getResource } from './get.ts';
export { getRevision, listHistory } from './history.ts';
export { listResources } from './list.ts';
export type { Failure, Outcome } from './outcome.ts';
export { rollBack } from './rollback.ts';
export { openSecretSeal, SecretSeal } from './secret-seal.ts';
