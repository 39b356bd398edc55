import { type Figure, format, formatLimit, median } from '../figure.ts';
import { formatMedian, listMeasures } from '../report.ts';
import type { CaseResult, Results } from '../results.ts';
import { measures } from '../sample.ts';
import { describeFigure } from './pictures.ts';

/** Sections of the page that people write; the page keeps them when it is generated anew. */
const handWritten = ['profile', 'left-to-win'] as const;
type HandWritten = (typeof handWritten)[number];

/** docs/performance.md for these results. What is written by hand is taken from the page as it was. */
export function renderPage(results: Results, before: string): string {
  const hand = (name: HandWritten) => `${open(name)}\n${readHandWritten(before, name)}\n${close(name)}`;
  const sections = [
    intro,
    `## The numbers to reach\n\n${summarize(results)}\n\n![Each number as a share of what is allowed](performance-bounds.svg)\n\n${tableOfBounds(results)}`,
    `## What a request costs\n\n![CPU time for each request](performance-cpu.svg)\n\n${results.cases.map(sectionOf).join('\n\n')}`,
    `## Where the time goes\n\n${hand('profile')}`,
    `## What is left to win\n\n${hand('left-to-win')}`,
    howItIsMeasured,
    `## The machine\n\n${describeMachine(results)}`,
    commands,
  ];
  return `${sections.join('\n\n')}\n`;
}

const open = (name: HandWritten) => `<!-- written by hand: ${name} -->`;
const close = (name: HandWritten) => `<!-- end of what is written by hand: ${name} -->`;

function readHandWritten(page: string, name: HandWritten): string {
  const start = page.indexOf(open(name));
  const end = page.indexOf(close(name));
  if (start < 0 || end < 0) return '';
  return page.slice(start + open(name).length, end).trim();
}

const intro = `# Performance

<!-- Made by \`npm run bench:page\` from performance.json. Written by hand is only what stands between the marks that say so. -->

What Sluice costs beside the proxies of C and the gateways of the Node ecosystem, on one machine, in one run, with one
worker or thread each. The number to look at is CPU time for each request: it says how many requests a core carries, and
depends less than throughput on what else the machine does.`;

function summarize({ cases }: Results): string {
  const figures = cases.flatMap((one) => one.figures);
  const missed = figures.filter(({ met }) => !met);
  const said = `${figures.length - missed.length} of ${figures.length} bounds are met.`;
  const unmeasured = cases.filter(({ problems }) => problems.length > 0).map(({ name }) => `\`${name}\``);
  const lines = missed.map(
    (figure) =>
      `- ${describeFigure(figure)}: ${format(figure, figure.value)}, ${formatLimit(figure)}; ${describeMiss(figure)}.`,
  );
  return [
    ...describeNoise(cases),
    lines.length === 0 ? said : `${said} Missed:\n\n${lines.join('\n')}`,
    ...(unmeasured.length === 0 ? [] : [`Not measured in this run: ${unmeasured.join(', ')}.`]),
  ].join('\n\n');
}

/** Where the machine was not quiet the page says so before it says anything else. */
export function describeNoise(cases: readonly CaseResult[]): string[] {
  const shares = cases.flatMap(({ candidates }) =>
    candidates.flatMap(({ samples }) => samples.map(({ othersShare }) => othersShare ?? 0)),
  );
  const share = shares.length === 0 ? 0 : median(shares);
  if (share < 0.25) return [];
  const percent = (share * 100).toFixed(0);
  return [
    `**These numbers are not to be relied on:** the machine did other work meanwhile, which took ${percent} % of the proxy's core in the median round.`,
  ];
}

function describeMiss({ value, atMost, atLeast }: Figure): string {
  const bound = atMost ?? atLeast!;
  return `${Math.abs((value / bound - 1) * 100).toFixed(0)} % ${atMost === undefined ? 'below' : 'above'} it`;
}

function tableOfBounds({ cases }: Results): string {
  const rows = cases.flatMap((one) =>
    one.figures.map((figure) =>
      row([
        `\`${one.name}\``,
        figure.text,
        figure.against ?? 'nothing',
        formatLimit(figure),
        `**${format(figure, figure.value)}**`,
        `${format(figure, figure.lowest)} to ${format(figure, figure.highest)}`,
        figure.met ? 'yes' : '**no**',
      ]),
    ),
  );
  return [
    row(['case', 'what', 'against', 'bound', 'reached', 'single rounds', 'met']),
    row(Array(7).fill('---')),
    ...rows,
  ].join('\n');
}

function sectionOf(one: CaseResult): string {
  const { name, about, candidates, rows, problems, notes, rounds } = one;
  const head = `**${name}**: ${about}. ${rounds.count} rounds of ${rounds.seconds} s.`;
  if (problems.length > 0) return `${head} Not measured: ${problems[0]!.split('\n', 1)[0]}`;
  const said = [head, ...notes.map((note) => `${note[0]!.toUpperCase()}${note.slice(1)}.`)].join(' ');
  if (rows.length > 0) {
    const lines = rows.map(({ what, value, unit, note }) =>
      row([what, `${value.toFixed(value < 100 ? 1 : 0)} ${unit}`, note]),
    );
    return [`**${name}**: ${about}.\n`, row(['what', 'value', '']), row(['---', '---:', '---']), ...lines].join('\n');
  }
  const columns = listMeasures(candidates);
  const lines = candidates.map((each) => row([each.name, ...columns.map((measure) => formatMedian(each, measure))]));
  const titles = columns.map((measure) => measures[measure].title);
  return [`${said}\n`, row(['', ...titles]), row(['---', ...titles.map(() => '---:')]), ...lines].join('\n');
}

const howItIsMeasured = `## How it is measured

- The proxy has core 0 for itself; the upstream (nginx) and the load (wrk) share core 1. Sluice runs one worker, nginx one,
  HAProxy one thread, the Node gateways their one process.
- All are asked the same requests, in turn, over keep-alive connections: 1,000 distinct routes, 1,000 consumers. Rounds are
  interleaved, each proxy once and then each again; a value is the median of its rounds, a ratio that of two medians.
- CPU is user and system time of the proxy's whole process tree. "Proxy on its core" is that time as a share of the round:
  1 means that the proxy, not the load, was the limit. "Others on it" is what else ran on that core (interrupts, and
  whatever else the machine does), "steal" what the hypervisor gave to other machines: both are the noise of the run.
- The work is equal. Before it measures, the bench sends the same request through every proxy to an origin that records
  it, and stops where one adds a header that another does not; and it sends credentials that must be refused (none, a
  wrong signature, expired, another issuer, an unknown consumer) to every proxy that checks them. The gateways on Node
  are only asked to forward. nginx stays without policies in every case: it is there as the price of forwarding.
- New tokens are signed before each round, more than a proxy can use, and each is sent once. HAProxy has no cache of
  verified tokens, so its work is the same in both cases.
- Latency is measured open-loop: requests are due at random times and sent then, whatever became of earlier ones, and
  a latency counts from the due time, waiting for a free connection included. "Sent late" is the generator's own error.
  The same generator asks the upstream directly in each round; the difference of the two medians (and of the two 99th
  percentiles) is what a proxy adds.
- Two workers need two cores, and the load a third. With two cores in all, everything is scaled instead: proxy, upstream
  and load on one core with one worker or thread each, then on two cores with two each. nginx beside it shows what this
  arrangement gives at best.
- Idle connections: resident memory of the node before and after 10,000 connections had one answer each, divided.

The peers' configurations, every line explained: \`test/bench/peers\`.`;

function describeMachine({ machine, cases }: Results): string {
  const { processor, cores, memoryGiB, kernel, loadBefore, versions } = machine;
  const samples = cases.flatMap(({ candidates }) => candidates.flatMap((one) => one.samples));
  const worst = (values: readonly number[]) => `${(Math.max(0, ...values) * 100).toFixed(1)} %`;
  const commits = Map.groupBy(cases, ({ commit }) => commit);
  const said = [...commits].map(([commit, some]) => {
    const names = commits.size === 1 ? '' : ` (${some.map(({ name }) => name).join(', ')})`;
    return `\`${commit}\`${names}`;
  });
  const times = cases.map(({ measuredAt }) => measuredAt).toSorted();
  const seconds = cases.reduce((sum, { tookSeconds }) => sum + tookSeconds, 0);
  return [
    row(['', '']),
    row(['---', '---']),
    row(['processor', `${processor}, ${cores} cores`]),
    row(['memory', `${memoryGiB} GiB`]),
    row(['kernel', kernel]),
    ...Object.entries(versions).map(([name, version]) => row([name, version])),
    row(['commit', said.join(', ')]),
    row(['measured', `${times[0]} to ${times.at(-1)} UTC, ${Math.round(seconds / 60)} minutes in all`]),
    row(['load average before', String(loadBefore)]),
    row(["others on the proxy's core, worst round", worst(samples.map(({ othersShare = 0 }) => othersShare))]),
    row(['steal, worst round', worst(samples.map(({ stealShare = 0 }) => stealShare))]),
  ].join('\n');
}

const commands = `## Commands

    apt-get install wrk nginx haproxy postgresql    what the bench drives
    npm run bench                                   every case; prints each number, its bound and whether it is met
    npm run bench -- --quick                        under two minutes, short rounds
    npm run bench -- --case jwt                     one case; may be given more than once
    npm run bench -- --strict                       exit code 1 where a bound is missed
    npm run bench -- --json docs/performance.json   and keep the results; cases not measured stay as they were
    npm run bench:page                              this page and its pictures from docs/performance.json`;

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
