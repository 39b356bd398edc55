/** `npm run bench [-- --quick] [--case NAME]... [--proxy NAME] [--json]`: see README.md beside this file. */
import { parseArgs } from 'node:util';
import { formatOutputs } from '../harness/process.ts';
import { canPin, cores } from './candidate.ts';
import { controlCases } from './control-cases.ts';
import { isInstalled } from './peers.ts';
import { proxyCases } from './proxy-cases.ts';
import { countErrors, formatControlResult, formatProxyResult } from './report.ts';
import { type ControlResult, runControlCase } from './run-control-case.ts';
import { type ProxyResult, runProxyCase } from './run-proxy-case.ts';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    case: { type: 'string', multiple: true },
    proxy: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const names = [...proxyCases, ...controlCases].map(({ name }) => name);
const unknown = (values.case ?? []).filter((name) => !names.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`no case ${unknown.join(', ')}; there are: ${names.join(', ')}\n`);
  process.exit(2);
}
if (!isInstalled('wrk') || !isInstalled('nginx')) {
  process.stderr.write('the bench needs wrk and nginx: apt-get install wrk nginx haproxy\n');
  process.exit(1);
}

const isChosen = ({ name, quick }: { readonly name: string; readonly quick: boolean }) =>
  values.case === undefined ? quick || !values.quick : values.case.includes(name);
const rounds = values.quick ? { count: 3, seconds: 1, warmUpSeconds: 2 } : { count: 5, seconds: 6, warmUpSeconds: 4 };
const print = (text: string) => process.stdout.write(values.json ? '' : text);

print(
  canPin
    ? `proxies on core ${cores.proxy}; upstream and load on core ${cores.load}; ${rounds.count} interleaved rounds of ${rounds.seconds} s, medians\n`
    : 'nothing is tied to a core here (one core, or no taskset): the load takes time from the proxies\n',
);
// Ctrl-C ends what was started: the processes go with this one's exit.
process.once('SIGINT', () => process.exit(130));
process.once('uncaughtException', (error) => {
  process.stderr.write(`${formatOutputs()}\n${error.stack}\n`);
  process.exit(1);
});

const proxyResults: ProxyResult[] = [];
for (const one of proxyCases.filter(isChosen)) {
  const result = await runProxyCase(one, rounds, values.proxy);
  proxyResults.push(result);
  print(formatProxyResult(result));
}
const controlResults: ControlResult[] = [];
for (const one of controlCases.filter(isChosen)) {
  const result = await runControlCase(one, values.quick);
  controlResults.push(result);
  print(formatControlResult(result));
}
if (values.json)
  process.stdout.write(`${JSON.stringify({ proxies: proxyResults, controlPlane: controlResults }, null, 2)}\n`);

const errors = proxyResults
  .flatMap(({ candidates }) => candidates)
  .reduce((sum, one) => sum + countErrors(one.samples), 0);
const unequal = proxyResults.filter(({ problems }) => problems.length > 0);
if (errors > 0) process.stderr.write(`\n${errors} requests failed\n`);
if (unequal.length > 0) process.stderr.write(`\nnot equal work: ${unequal.map(({ name }) => name).join(', ')}\n`);
if (errors > 0 || unequal.length > 0) process.exitCode = 1;
