import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { listTree } from '../harness/process-tree.ts';

/** One proxy under measurement. */
export type Candidate = AsyncDisposable & {
  readonly name: string;
  /** Where clients send requests. */
  readonly port: number;
  /** Root of its process tree, all of whose CPU time is its own. */
  readonly pid: number;
  /** The same proxy with the same settings, in front of the recording origin. */
  readonly equalityPort: number;
  /** Path of requests that reach the recording origin. */
  readonly equalityPath: string;
};

/** The proxy has a core of its own; upstream and load share the other. */
export const cores = { proxy: 0, load: 1 } as const;

/** The command, tied to cores where that is possible. */
export function onCores(core: number | string, command: readonly string[]): readonly [string, ...string[]] {
  const [program = '', ...args] = command;
  return canPin ? ['taskset', '-c', String(core), program, ...args] : [program, ...args];
}

/** Whether processes can be tied to cores here: at least two of them, and taskset. */
export const canPin = availableParallelism() >= 2 && spawnSync('taskset', ['--version']).status === 0;

/** Ties a running process, its descendants and all their threads to one core, or to several ("0,1"). */
export function pin(pid: number, core: number | string): void {
  if (!canPin) return;
  for (const one of listTree(pid)) {
    const { status, stderr } = spawnSync('taskset', ['-acp', String(core), String(one)]);
    if (status !== 0) throw new Error(`taskset ${one}: ${stderr.toString()}`);
  }
}
