import { readFileSync } from 'node:fs';

/** CPU times of a core, or of all of them together, since the machine started, in ms (proc(5): /proc/stat). */
export type CoreTimes = { readonly busyMs: number; readonly stealMs: number; readonly totalMs: number };

const msPerTick = 10;

/** Undefined where there is no /proc/stat. */
export function readCoreTimes(core: number | 'all'): CoreTimes | undefined {
  let text: string;
  try {
    text = readFileSync('/proc/stat', 'latin1');
  } catch {
    return undefined;
  }
  return parseCoreTimes(text, core);
}

export function parseCoreTimes(text: string, core: number | 'all'): CoreTimes | undefined {
  const name = core === 'all' ? 'cpu' : `cpu${core}`;
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  if (line === undefined) return undefined;
  // user nice system idle iowait irq softirq steal; guest time is part of user.
  const fields = line
    .split(/\s+/)
    .slice(1, 9)
    .map((ticks) => Number(ticks) * msPerTick);
  const totalMs = fields.reduce((sum, ms) => sum + ms, 0);
  const stealMs = fields[7]!;
  return { busyMs: totalMs - fields[3]! - fields[4]! - stealMs, stealMs, totalMs };
}

/** Shares of what lay between two readings; absent where there was nothing to read. */
export function compareCoreTimes(
  before: CoreTimes | undefined,
  after: CoreTimes | undefined,
): { readonly busyMs: number; readonly stealShare: number } | undefined {
  if (before === undefined || after === undefined) return undefined;
  const totalMs = Math.max(1, after.totalMs - before.totalMs);
  return { busyMs: after.busyMs - before.busyMs, stealShare: (after.stealMs - before.stealMs) / totalMs };
}
