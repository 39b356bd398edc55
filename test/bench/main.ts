/** `npm run bench [-- --quick] [--case NAME]... [--proxy NAME] [--json FILE] [--strict]`: see README.md beside this file. */
import { writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { formatOutputs } from '../harness/process.ts';
import { readOptions } from '../harness/read-options.ts';
import { canPin, cores } from './candidate.ts';
import { cases } from './cases.ts';
import { isInstalled } from './peer-process.ts';
import { countErrors, formatCase } from './report.ts';
import { type CaseResult, describeMachine, formatResults, mergeResults, readResults } from './results.ts';
import { runCase } from './run-case.ts';

const names = cases.map(({ name }) => name);
const usage = `usage: npm run bench -- [--quick] [--case NAME]... [--proxy NAME] [--json FILE] [--strict]
  --quick       under two minutes: some of the cases, 3 rounds of 1 s
  --case NAME   this case alone; may be given more than once
                ${names.join(', ')}
  --proxy NAME  this program alone: sluice, nginx, haproxy, ...
  --json FILE   writes the results; cases in it that are not measured stay as they are
  --strict      exit code 1 where a bound is missed
`;
const values = readOptions(usage, {
  quick: { type: 'boolean', default: false },
  case: { type: 'string', multiple: true },
  proxy: { type: 'string' },
  json: { type: 'string' },
  strict: { type: 'boolean', default: false },
});
const unknown = (values.case ?? []).filter((name) => !names.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`no case ${unknown.join(', ')}; there are: ${names.join(', ')}\n`);
  process.exit(2);
}
if (!isInstalled('wrk') || !isInstalled('nginx')) {
  process.stderr.write('the bench needs wrk and nginx: apt-get install wrk nginx haproxy\n');
  process.exit(1);
}

const rounds = values.quick ? { count: 3, seconds: 1, warmUpSeconds: 2 } : { count: 5, seconds: 3, warmUpSeconds: 4 };
const chosen = cases.filter(({ name, quick }) =>
  values.case === undefined ? quick || !values.quick : values.case.includes(name),
);
process.stdout.write(
  canPin
    ? `proxies on core ${cores.proxy}; upstream and load on core ${cores.load}; ${rounds.count} interleaved rounds of ${rounds.seconds} s, medians\n`
    : 'nothing is tied to a core here (one core, or no taskset): the load takes time from the proxies\n',
);
if (loadavg()[0]! > availableParallelism() / 2)
  process.stdout.write(`this machine is busy (load average ${loadavg()[0]!.toFixed(1)}): expect noise\n`);
// Ctrl-C, or the end of a time limit, ends what was started: the processes go with this one's exit.
process.once('SIGINT', () => process.exit(130)).once('SIGTERM', () => process.exit(143));
process.once('uncaughtException', (error) => {
  process.stderr.write(`${formatOutputs()}\n${error.stack}\n`);
  process.exit(1);
});

const machine = describeMachine();
const earlier = values.json === undefined ? undefined : readResults(values.json);
const results: CaseResult[] = [];
for (const one of chosen) {
  const result = await runCase(one, { rounds, quick: values.quick, only: values.proxy });
  results.push(result);
  process.stdout.write(formatCase(result));
  // After each case, so that a run that is ended early keeps what it has measured.
  if (values.json !== undefined)
    writeFileSync(values.json, formatResults(mergeResults(earlier, { machine, cases: results }, names)));
}

const figures = results.flatMap((one) => one.figures);
const missed = figures.filter(({ met }) => !met);
const errors = results.reduce((sum, { candidates }) => sum + countErrors(candidates), 0);
const unmeasured = results.filter(({ problems }) => problems.length > 0);
const seconds = results.reduce((sum, { tookSeconds }) => sum + tookSeconds, 0);
process.stdout.write(`\n${figures.length - missed.length} of ${figures.length} bounds met; ${seconds} s\n`);
if (errors > 0) process.stderr.write(`${errors} requests failed\n`);
if (unmeasured.length > 0) process.stderr.write(`not measured: ${unmeasured.map(({ name }) => name).join(', ')}\n`);
// Noise alone may miss a bound, so that fails only where it is asked for.
if (errors > 0 || unmeasured.length > 0 || (values.strict && missed.length > 0)) process.exitCode = 1;
