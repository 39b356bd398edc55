import type { RunningProcess } from './process.ts';
import { waitFor } from './wait-for.ts';

/** A program of Sluice that a test ends and starts again, with the same arguments and what it keeps on disk. */
export type Program = AsyncDisposable & {
  /** The process running now, or the last one. */
  readonly process: () => RunningProcess;
  /** SIGTERM, and waits for the end: a node has drained by then. */
  readonly stop: () => Promise<void>;
  readonly kill: () => Promise<void>;
  readonly start: () => Promise<void>;
  readonly pause: () => void;
  readonly resume: () => void;
};

/** Starts it. `home` goes with it; `untilUp` is waited for after each start. */
export async function startProgram(
  home: AsyncDisposable,
  launch: () => Promise<RunningProcess>,
  untilUp: (running: RunningProcess) => Promise<void>,
): Promise<Program> {
  let current: RunningProcess | undefined;
  const self: Program = {
    process: () => current!,
    async stop() {
      await current?.stop();
    },
    async kill() {
      await current?.kill();
    },
    async start() {
      current = await launch();
      await untilUp(current);
    },
    pause: () => current?.signal('SIGSTOP'),
    resume: () => current?.signal('SIGCONT'),
    async [Symbol.asyncDispose]() {
      await current?.[Symbol.asyncDispose]();
      await home[Symbol.asyncDispose]();
    },
  };
  await self.start().catch(async (error: unknown) => {
    await self[Symbol.asyncDispose]();
    throw error;
  });
  return self;
}

/** Polls until `predicate` holds; throws at once, with its output, when the process ends first. */
export async function waitUntil(
  running: RunningProcess,
  what: string,
  predicate: () => Promise<boolean>,
  deadlineMs = 60_000,
): Promise<void> {
  const outcome = await waitFor(
    `${running.name} ${what}`,
    async () => (running.exit() === undefined ? (await predicate()) && 'holds' : 'ended'),
    { deadlineMs, everyMs: 15 },
  ).catch((error: Error) => {
    throw new Error(`${error.message}\n${running.output()}`, { cause: error.cause });
  });
  if (outcome === 'ended') throw new Error(`${running.name} ended before it ${what}:\n${running.output()}`);
}
