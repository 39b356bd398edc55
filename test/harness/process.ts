import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { isAlive, listTree, signalIfAlive } from './process-tree.ts';
import { within } from './wait-for.ts';

export type ProcessOptions = {
  /** Shown before its output when a test fails. */
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  /** Added to this process's environment; `undefined` removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
  /** Written to its standard input, which is then closed. */
  readonly input?: string;
  /** What it gets when this process ends before it. Default SIGKILL, with all its descendants. */
  readonly atExit?: NodeJS.Signals;
  /** Does not keep this process running. */
  readonly background?: boolean;
};

export type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

export type RunningProcess = AsyncDisposable & {
  readonly name: string;
  readonly pid: number;
  readonly exited: Promise<Exit>;
  /** Undefined while it runs. */
  readonly exit: () => Exit | undefined;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Both streams in the order they came, the last 4 MiB. */
  readonly output: () => string;
  /** Waits for a line of either stream; rejects when the process ends or the deadline (60 s) passes before it. */
  readonly line: (pattern: RegExp, deadlineMs?: number) => Promise<RegExpExecArray>;
  readonly signal: (signal: NodeJS.Signals) => void;
  /** Sends SIGTERM (or another signal) and waits for the end; after the deadline (60 s) it kills and throws. */
  readonly stop: (signal?: NodeJS.Signals, deadlineMs?: number) => Promise<Exit>;
  /** SIGKILL to it and all its descendants, and waits for the end. */
  readonly kill: () => Promise<Exit>;
};

export const root = join(import.meta.dirname, '..', '..');

const keptBytes = 4 << 20;
const started = new Set<RunningProcess>();
const running = new Map<ChildProcess, NodeJS.Signals>();

process.once('exit', () => {
  for (const [child, signal] of running) {
    if (signal === 'SIGKILL') killTree(child.pid!);
    else child.kill(signal);
  }
  const pause = new Int32Array(new SharedArrayBuffer(4));
  const endsAt = performance.now() + 2000;
  while ([...running.keys()].some((child) => isAlive(child.pid!)) && performance.now() < endsAt)
    Atomics.wait(pause, 0, 0, 5);
});

/** Starts a program. Its output is kept, and it is killed when disposed or when this process ends. */
export async function startProcess(options: ProcessOptions): Promise<RunningProcess> {
  const child = spawn(options.program, options.args, {
    cwd: options.cwd ?? root,
    env: { ...ownEnvironment(), ...options.env },
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.gid ?? options.uid }),
  });
  child.stdin?.on('error', () => undefined).end(options.input);
  let stdout = '';
  let stderr = '';
  let output = '';
  let exit: Exit | undefined;
  const watchers = new Set<() => void>();
  const notify = () => {
    for (const watcher of watchers) watcher();
  };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout = (stdout + text).slice(-keptBytes);
    output = (output + text).slice(-keptBytes);
    notify();
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-keptBytes);
    output = (output + text).slice(-keptBytes);
    notify();
  });
  const ended = Promise.withResolvers<Exit>();
  let over = false;
  const finish = () => {
    over = true;
    running.delete(child);
    ended.resolve(exit!);
    notify();
  };
  child.once('exit', (code, signal) => {
    exit = { code, signal };
    // A descendant that outlives it may hold the streams open, so their end is waited for only this long.
    setTimeout(finish, 500).unref();
  });
  child.once('close', finish);
  const spawned = Promise.withResolvers<void>();
  child.once('spawn', spawned.resolve).once('error', spawned.reject);
  await spawned.promise;
  if (options.background) {
    child.unref();
    (child.stdout as Socket).unref();
    (child.stderr as Socket).unref();
  }
  running.set(child, options.atExit ?? 'SIGKILL');

  const self: RunningProcess = {
    name: options.name,
    pid: child.pid!,
    exited: ended.promise,
    exit: () => exit,
    stdout: () => stdout,
    stderr: () => stderr,
    output: () => output,
    async line(pattern, deadlineMs) {
      const found = Promise.withResolvers<RegExpExecArray>();
      const look = () => {
        const match = new RegExp(pattern.source, pattern.flags.replace('g', '')).exec(output);
        if (match !== null) found.resolve(match);
        else if (over)
          found.reject(
            new Error(`${options.name} ended (${describeExit(exit!)}) before it printed ${pattern}:\n${output}`),
          );
      };
      watchers.add(look);
      look();
      return within(`${options.name} prints ${pattern}`, found.promise, deadlineMs).finally(() =>
        watchers.delete(look),
      );
    },
    signal: (signal) => void child.kill(signal),
    async stop(signal = 'SIGTERM', deadlineMs = 60_000) {
      child.kill('SIGCONT');
      child.kill(signal);
      return within(`${options.name} ends after ${signal}`, ended.promise, deadlineMs).catch((error: unknown) => {
        killTree(child.pid!);
        throw error;
      });
    },
    async kill() {
      if (exit === undefined) killTree(child.pid!);
      return ended.promise;
    },
    async [Symbol.asyncDispose]() {
      await self.kill();
    },
  };
  started.add(self);
  return self;
}

/** What the processes started since the last call of `forgetOutputs` have printed, one block for each. */
export function formatOutputs(): string {
  const blocks = [...started].map((one) => {
    const exit = one.exit();
    const state = exit === undefined ? `pid ${one.pid}, running` : describeExit(exit);
    return `--- ${one.name} (${state})\n${one.output().slice(-8192)}`;
  });
  return blocks.join('\n');
}

/** Forgets the output of processes that have ended. */
export function forgetOutputs(): void {
  for (const one of started) if (one.exit() !== undefined) started.delete(one);
}

export function describeExit({ code, signal }: Exit): string {
  return signal === null ? `exit code ${code}` : signal;
}

function killTree(pid: number): void {
  for (const one of listTree(pid)) signalIfAlive(one, 'SIGKILL');
}

/** This process's environment without what a test runner, or vitest.config.ts, adds to it. */
function ownEnvironment(): NodeJS.ProcessEnv {
  const added = /^(VITEST|NODE_OPTIONS$|NODE_ENV$|FORCE_COLOR$|MALLOC_MMAP_THRESHOLD_$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !added.test(name)));
}
