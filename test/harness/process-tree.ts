import { readdirSync, readFileSync } from 'node:fs';

type Stat = { readonly state: string; readonly parent: number; readonly cpuTicks: number };

/** Length of a tick of /proc: USER_HZ, which is 100 on every platform Linux supports here. */
const msPerTick = 10;

/** The process and all its descendants, itself first. */
export function listTree(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of listProcesses()) {
    const stat = readStat(Number(name));
    if (stat === undefined) continue;
    const siblings = children.get(stat.parent) ?? [];
    siblings.push(Number(name));
    children.set(stat.parent, siblings);
  }
  const tree = [pid];
  for (const one of tree) tree.push(...(children.get(one) ?? []));
  return tree;
}

/** CPU time, user and system, that the living processes of the tree with all their threads have used, in ms. */
export function readCpuMs(pid: number): number {
  return listTree(pid).reduce((sum, one) => sum + (readStat(one)?.cpuTicks ?? 0) * msPerTick, 0);
}

/** False once the process has ended, also while its parent has not yet noticed. */
export function isAlive(pid: number): boolean {
  const stat = readStat(pid);
  return stat !== undefined && stat.state !== 'Z';
}

export function signalIfAlive(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Names of the directories of /proc that are processes; none where there is no /proc. */
function listProcesses(): string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

/** proc(5): the fields after the name in parentheses, which may itself hold spaces and parentheses. */
function readStat(pid: number): Stat | undefined {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0]!, parent: Number(fields[1]), cpuTicks: Number(fields[11]) + Number(fields[12]) };
  } catch {
    return undefined;
  }
}
