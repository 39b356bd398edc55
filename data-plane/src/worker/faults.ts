import { heapLimitBytes, heapShare } from '../proxy/index.ts';

/** Large enough that V8 does not move it about. */
const BALLAST_BYTES = 1 << 20;
const FILL_MS = 50;
/** At once: a worker that fills its whole heap in one go looks as if it stood still. */
const FILL_BYTES = 16 << 20;

/** What goes wrong in workers on purpose, for tests. */
export interface WorkerFaults {
  /** Building a change takes this much longer in this worker. */
  readonly delayStage: { readonly worker: number; readonly ms: number } | undefined;
  /** A request with this header ends its worker, as a bug outside any request would. */
  readonly crashHeader: string | undefined;
  /** A request with this header keeps its worker's event loop busy for as many milliseconds as its value says. */
  readonly blockHeader: string | undefined;
  /** The same in milliseconds of a core: work, not waiting. */
  readonly spinHeader: string | undefined;
  /** This worker ends just after its start, each time. */
  readonly crashAtStart: number | undefined;
  /** A request with this header, `PERCENT:MS`, has its worker fill its heap so far, for so long; the next one replaces it. */
  readonly heapHeader: string | undefined;
  /** `crash` messages are obeyed. */
  readonly crashMessages: boolean;
}

/**
 * Reads SLUICE_FAULTS: `delay-stage=WORKER:MS`, `crash-header=NAME`, `block-header=NAME`, `spin-header=NAME`, `heap-header=NAME`,
 * `crash-at-start=WORKER`, `crash-messages`, separated by spaces.
 */
export function readWorkerFaults(text: string | undefined): WorkerFaults {
  const entries = new Map((text ?? '').split(/\s+/).map((entry) => splitOnce(entry)));
  const delay = /^(\d+):(\d+)$/.exec(entries.get('delay-stage') ?? '');
  return {
    delayStage: delay === null ? undefined : { worker: Number(delay[1]), ms: Number(delay[2]) },
    crashHeader: entries.get('crash-header') || undefined,
    blockHeader: entries.get('block-header') || undefined,
    spinHeader: entries.get('spin-header') || undefined,
    heapHeader: entries.get('heap-header') || undefined,
    crashAtStart: entries.has('crash-at-start') ? Number(entries.get('crash-at-start')) : undefined,
    crashMessages: entries.has('crash-messages'),
  };
}

/** What the proxy is to do with each request head, or undefined where no fault is asked for. */
export function requestFault({
  crashHeader,
  blockHeader,
  spinHeader,
  heapHeader,
}: WorkerFaults): RequestFault | undefined {
  const faults = [
    { name: crashHeader, act: () => crash() },
    { name: blockHeader, act: (ms: string) => block(Number(ms)) },
    { name: spinHeader, act: (ms: string) => spin(Number(ms)) },
    { name: heapHeader, act: fillHeap },
  ].flatMap(({ name, act }) => (name === undefined ? [] : [{ name, act }]));
  if (faults.length === 0) return undefined;
  return (header) => {
    for (const { name, act } of faults) {
      const value = header(name);
      if (value !== undefined) act(value);
    }
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

function spin(ms: number): void {
  const before = process.threadCpuUsage();
  for (let spent = 0; spent < ms; ) {
    const { user, system } = process.threadCpuUsage(before);
    spent = (user + system) / 1000;
  }
}

const ballast: number[][] = [];
let filling: NodeJS.Timeout | undefined;

/** In place of what it was filled with before. */
function fillHeap(value: string): void {
  const [percent, ms] = value.split(':').map(Number) as [number, number];
  clearInterval(filling);
  ballast.length = 0;
  // Looks, not milliseconds: the machine's pauses do not count, as they do not for who judges the heap.
  let looks = ms / FILL_MS;
  // Again and again: what else was there when it was filled may be collected.
  filling = setInterval(() => {
    const bytes = Math.min((percent / 100 - heapShare()) * heapLimitBytes(), FILL_BYTES);
    for (let left = bytes; left >= BALLAST_BYTES; left -= BALLAST_BYTES)
      ballast.push(new Array(BALLAST_BYTES / 8).fill(0.5));
    if (--looks > 0) return;
    clearInterval(filling);
    ballast.length = 0;
  }, FILL_MS);
}

function splitOnce(entry: string): [name: string, value: string] {
  const equals = entry.indexOf('=');
  return equals < 0 ? [entry, ''] : [entry.slice(0, equals), entry.slice(equals + 1)];
}
