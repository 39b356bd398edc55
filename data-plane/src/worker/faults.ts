/** What goes wrong in workers on purpose, for tests. */
export interface WorkerFaults {
  /** Building a change takes this much longer in this worker. */
  readonly delayStage: { readonly worker: number; readonly ms: number } | undefined;
  /** A request with this header ends its worker, as a bug outside any request would. */
  readonly crashHeader: string | undefined;
  /** A request with this header keeps its worker's event loop busy for as many milliseconds as its value says. */
  readonly blockHeader: string | undefined;
  /** This worker ends just after its start, each time. */
  readonly crashAtStart: number | undefined;
  /** `crash` messages are obeyed. */
  readonly crashMessages: boolean;
}

/**
 * Reads SLUICE_FAULTS: `delay-stage=WORKER:MS`, `crash-header=NAME`, `block-header=NAME`, `crash-at-start=WORKER`, `crash-messages`,
 * separated by spaces.
 */
export function readWorkerFaults(text: string | undefined): WorkerFaults {
  const entries = new Map((text ?? '').split(/\s+/).map((entry) => splitOnce(entry)));
  const delay = /^(\d+):(\d+)$/.exec(entries.get('delay-stage') ?? '');
  return {
    delayStage: delay === null ? undefined : { worker: Number(delay[1]), ms: Number(delay[2]) },
    crashHeader: entries.get('crash-header') || undefined,
    blockHeader: entries.get('block-header') || undefined,
    crashAtStart: entries.has('crash-at-start') ? Number(entries.get('crash-at-start')) : undefined,
    crashMessages: entries.has('crash-messages'),
  };
}

/** What the proxy is to do with each request head, or undefined where no fault is asked for. */
export function requestFault({ crashHeader, blockHeader }: WorkerFaults): RequestFault | undefined {
  if (crashHeader === undefined && blockHeader === undefined) return undefined;
  return (header) => {
    if (crashHeader !== undefined && header(crashHeader) !== undefined) crash();
    const blockMs = blockHeader === undefined ? undefined : header(blockHeader);
    if (blockMs !== undefined) block(Number(blockMs));
  };
}

export type RequestFault = (header: (name: string) => string | undefined) => void;

export function crash(): void {
  setImmediate(() => {
    throw new Error('asked to crash');
  });
}

function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

function splitOnce(entry: string): [name: string, value: string] {
  const equals = entry.indexOf('=');
  return equals < 0 ? [entry, ''] : [entry.slice(0, equals), entry.slice(equals + 1)];
}
