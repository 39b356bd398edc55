import { join } from 'node:path';
import { startProcess } from '../harness/process.ts';
import { readCpuMs } from '../harness/process-tree.ts';
import { canPin, cores, onCores } from './candidate.ts';
import { compareCoreTimes, readCoreTimes } from './noise.ts';
import type { Sample } from './sample.ts';

export type Load = {
  readonly requestsFile: string;
  /** Tokens, one on each line, each to be sent once. */
  readonly tokensFile?: string | undefined;
  readonly connections: number;
  readonly seconds: number;
  /** Threads of wrk. Default 1. */
  readonly threads?: number;
  /** What wrk is tied to. Default: the load's core. */
  readonly core?: number | string;
};

type WrkReport = Readonly<
  Record<
    | 'requests'
    | 'durationUs'
    | 'bytes'
    | 'p50Us'
    | 'p99Us'
    | 'connect'
    | 'read'
    | 'write'
    | 'status'
    | 'timeout'
    | 'withoutToken',
    number
  >
>;

/** Loads a proxy for some seconds with wrk and measures it. `pid` is the root of the proxy's process tree. */
export async function measure(
  target: { readonly port: number; readonly pid: number },
  { requestsFile, tokensFile, connections, seconds, threads = 1, core = cores.load }: Load,
): Promise<Sample> {
  const script = join(import.meta.dirname, 'load.lua');
  const flags = [`-t${threads}`, `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', script];
  const files = tokensFile === undefined ? [requestsFile] : [requestsFile, tokensFile];
  const [program, ...args] = onCores(core, ['wrk', ...flags, `http://127.0.0.1:${target.port}`, '--', ...files]);
  const [coreBefore, allBefore] = [readCoreTimes(cores.proxy), readCoreTimes('all')];
  const cpuBefore = readCpuMs(target.pid);
  await using running = await startProcess({ name: 'wrk', program, args });
  const { code } = await running.exited;
  const cpuMs = readCpuMs(target.pid) - cpuBefore;
  const onCore = compareCoreTimes(coreBefore, readCoreTimes(cores.proxy));
  const all = compareCoreTimes(allBefore, readCoreTimes('all'));
  const json = /^\{.*\}$/m.exec(running.stdout())?.[0];
  if (code !== 0 || json === undefined) throw new Error(`wrk: exit code ${code}\n${running.output()}`);
  const report = JSON.parse(json) as WrkReport;
  if (report.withoutToken > 0) throw new Error(`${report.withoutToken} requests were sent after the last new token`);
  const durationMs = report.durationUs / 1000;
  return {
    requestsPerSecond: report.requests / (durationMs / 1000),
    megabytesPerSecond: report.bytes / 1000 / durationMs,
    cpuUs: (cpuMs * 1000) / report.requests,
    p50Ms: report.p50Us / 1000,
    p99Ms: report.p99Us / 1000,
    requests: report.requests,
    errors: report.connect + report.read + report.write + report.status + report.timeout,
    proxyShare: cpuMs / durationMs,
    // Where the load shares the proxy's core, the load is most of what else runs on it.
    ...(onCore === undefined || !canPin || core !== cores.load
      ? {}
      : { othersShare: Math.max(0, onCore.busyMs - cpuMs) / durationMs }),
    ...(all === undefined ? {} : { stealShare: all.stealShare }),
  };
}
