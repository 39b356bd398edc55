import type { ControlState } from '../state/control-state.ts';
import type { NodesWithoutStore } from './find-missing-stores.ts';
import type { SecretSeal } from './secret-seal.ts';

/** What the operations of the control plane work on. */
export interface ControlContext {
  readonly state: ControlState;
  /** Seals what must not be readable in the database. */
  readonly seal: SecretSeal;
  readonly now: () => Date;
  /** Unset: nothing is known of nodes. */
  readonly nodesWithoutStore?: NodesWithoutStore;
}
