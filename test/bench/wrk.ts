import { join } from 'node:path';
import { startProcess } from '../harness/process.ts';
import { readCpuMs } from '../harness/process-tree.ts';
import { canPin, cores } from './candidate.ts';

export type Sample = {
  readonly requestsPerSecond: number;
  /** CPU time of the proxy's whole process tree for each request, in microseconds. */
  readonly cpuUs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly requests: number;
  /** Failed connections, reads, writes and timeouts, and answers that are not 2xx or 3xx. */
  readonly errors: number;
};

export type Load = { readonly requestsFile: string; readonly connections: number; readonly seconds: number };

type WrkReport = Readonly<
  Record<'requests' | 'durationUs' | 'p50Us' | 'p99Us' | 'connect' | 'read' | 'write' | 'status' | 'timeout', number>
>;

/** Loads a proxy for some seconds with wrk and measures it. `pid` is the root of the proxy's process tree. */
export async function measure(target: { readonly port: number; readonly pid: number }, load: Load): Promise<Sample> {
  const script = join(import.meta.dirname, 'load.lua');
  const flags = ['-t1', `-c${load.connections}`, `-d${load.seconds}s`, '--timeout', '10s', '-s', script];
  const wrk = ['wrk', ...flags, `http://127.0.0.1:${target.port}`, '--', load.requestsFile];
  const [program = 'wrk', ...args] = canPin ? ['taskset', '-c', String(cores.load), ...wrk] : wrk;
  const cpuBefore = readCpuMs(target.pid);
  await using running = await startProcess({ name: 'wrk', program, args });
  const { code } = await running.exited;
  const cpuMs = readCpuMs(target.pid) - cpuBefore;
  const json = /^\{.*\}$/m.exec(running.stdout())?.[0];
  if (code !== 0 || json === undefined) throw new Error(`wrk: exit code ${code}\n${running.output()}`);
  const report = JSON.parse(json) as WrkReport;
  return {
    requestsPerSecond: report.requests / (report.durationUs / 1e6),
    cpuUs: (cpuMs * 1000) / report.requests,
    p50Ms: report.p50Us / 1000,
    p99Ms: report.p99Us / 1000,
    requests: report.requests,
    errors: report.connect + report.read + report.write + report.status + report.timeout,
  };
}
