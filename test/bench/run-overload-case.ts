import { setTimeout as delay } from 'node:timers/promises';
import { type OpenLoad, offerLoad } from '../harness/h2load.ts';
import { canPin, cores } from './candidate.ts';
import type { Case } from './cases.ts';
import type { Outcome, Rounds } from './run-proxy-case.ts';
import type { Sample } from './sample.ts';
import { startSluice } from './sluice.ts';
import { startUpstream } from './upstream.ts';
import type { Workload } from './workload.ts';

type OverloadCase = Extract<Case, { kind: 'overload' }>;

const workload: Workload = { routes: 10, hotRoutes: 10, consumers: 0, body: 'small' };
const manifest = `---
kind: Listener
name: http
spec: { address: "127.0.0.1:80", limits: { connectionsPerClient: 100000 } }
---
kind: Route
name: overload
spec: { match: [{ path: { prefix: /overload } }], service: main }
`;
/** How soon after an overload everything is as before. */
const recoveryMs = 2000;
/** Enough to leave the worker no pause, and few enough that each is answered in time. */
const atOnce = { connections: 16 };
/** Of the peak in requests: one of them is the peak in connections. */
const connectionShares = [0.5, 0.7, 0.9];

/**
 * One worker that answers `perSecond` requests at most, because each costs it so much more, is offered three times what it can do, in
 * requests on open connections and in new connections. So the load's core is never the limit.
 */
export async function runOverloadCase(one: OverloadCase, rounds: Rounds): Promise<Outcome> {
  await using stack = new AsyncDisposableStack();
  const upstream = stack.use(await startUpstream());
  const upstreams = { main: upstream.port, equality: upstream.port };
  const sluice = stack.use(
    await startSluice('sluice', workload, upstreams, {
      manifest,
      env: { SLUICE_FAULTS: 'spin-header=x-spin' },
    }),
  );
  const { seconds } = rounds;
  const offer = async (shape: OpenLoad['offer']): Promise<Sample> => {
    const { good, p50Ms, p99Ms } = await offerLoad({
      port: sluice.port,
      path: '/overload',
      seconds,
      offer: shape,
      headers: [`x-spin: ${1000 / one.perSecond}`],
      wrapper: canPin ? ['taskset', '-c', String(cores.load)] : [],
    });
    return { requestsPerSecond: good, p50Ms, p99Ms };
  };

  await offer(atOnce);
  const samples: Record<string, Sample[]> = {};
  const keep = (name: string, sample: Sample) => {
    samples[name] ??= [];
    samples[name].push(sample);
    return sample.requestsPerSecond!;
  };
  for (let round = 0; round < Math.min(rounds.count, 3); round += 1) {
    const peak = keep('as many as it can', await offer(atOnce));
    if (peak === 0) throw new Error('nothing was answered within a second: this machine is too busy to measure it');
    keep('3 times the requests', await offer({ connections: 64, pipelined: 100, rate: 3 * peak }));
    // Time itself: what it can do so soon is what is measured.
    await delay(recoveryMs);
    keep('2 s later', await offer(atOnce));
    const tried: Sample[] = [];
    for (const share of connectionShares) tried.push(await offer({ newConnections: share * peak }));
    const best = tried.toSorted((a, b) => b.requestsPerSecond! - a.requestsPerSecond!)[0]!;
    const most = keep('as many connections as it can', best);
    keep('3 times the connections', await offer({ newConnections: 3 * most }));
  }
  return {
    candidates: Object.entries(samples).map(([name, all]) => ({ name, samples: all })),
    problems: [],
    notes: ['req/s counts answers of 200 within a second; each request takes the worker as long as 1 / its peak'],
  };
}
