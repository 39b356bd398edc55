import { setTimeout as pause } from 'node:timers/promises';
import type { Store } from './store/store.ts';

/**
 * Where a change is on its way from a writer to a node; a crash at any of these must lose and repeat nothing. `commit`: before
 * the transaction. `answer`: it is committed, and nobody was told. `push`: its writer was told, and an update is about to be
 * sent. `ack`: a node has it and says so.
 */
type FaultPhase = 'commit' | 'answer' | 'push' | 'ack';
const faultPhases: readonly FaultPhase[] = ['commit', 'answer', 'push', 'ack'];

/** Called before each phase. Never resolves where the process is to end there. */
export type EnterPhase = (phase: FaultPhase) => Promise<void>;

/** The answer to a change is on its way within this, while the update is withheld. */
const ANSWER_MS = 30;

/**
 * Reads SLUICE_FAULTS, what goes wrong on purpose in tests: entries such as `kill-in=push:2`, separated by spaces, kill this process,
 * as `kill -9` does, when a phase is entered for the second time. Entries of others are passed over. Undefined: nothing goes wrong.
 */
export function readFaults(text: string | undefined): EnterPhase | undefined {
  const match = /(?:^|\s)kill-in=([a-z-]+):(\d+)(?:\s|$)/.exec(text ?? '');
  const fatal = faultPhases.find((phase) => phase === match?.[1]);
  if (fatal === undefined) return undefined;
  let left = Number(match?.[2]);
  return async (phase) => {
    if (phase !== fatal || --left !== 0) return;
    if (phase === 'push') await pause(ANSWER_MS);
    process.kill(process.pid, 'SIGKILL');
    await new Promise(() => undefined);
  };
}

/** A store whose appends enter their phases. */
export function withFaults(store: Store, enter: EnterPhase): Store {
  return {
    ...store,
    async append(append) {
      await enter('commit');
      const outcome = await store.append(append);
      await enter('answer');
      return outcome;
    },
  };
}
