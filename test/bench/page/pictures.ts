import { type Figure, format, formatBound, median } from '../figure.ts';
import type { CaseResult, Results } from '../results.ts';
import { type Bar, drawBarChart } from './bar-chart.ts';

/** Every number that is to be reached as a share of what is allowed: the line is the bound, and shorter is better. */
export function drawBounds(results: Results): string {
  const bars = results.cases
    .flatMap((one) => one.figures)
    .map(
      (figure): Bar => ({
        label: describeFigure(figure),
        value: shareOfAllowed(figure),
        text: `${format(figure, figure.value)}, ${formatBound(figure)}${figure.met ? '' : ': missed'}`,
        tone: figure.met ? 'own' : 'missed',
      }),
    );
  return drawBarChart({
    title: 'Each number as a share of what is allowed',
    groups: [{ title: '', bars }],
    limit: { at: 1, text: 'the bound; shorter is better' },
    max: 1.6,
  });
}

/** CPU time for each request, every proxy of the cases that compare it for small answers. */
export function drawCpu(results: Results): string {
  const groups = ['bare', 'jwt', 'jwt-fresh', 'gateways'].flatMap((name) => {
    const one = results.cases.find((each) => each.name === name);
    return one === undefined || one.candidates.length === 0 ? [] : [{ title: titles[name]!, bars: listCpuBars(one) }];
  });
  const max = Math.max(1, ...groups.flatMap(({ bars }) => bars.map(({ value }) => value)));
  return drawBarChart({ title: 'CPU time for each request, in microseconds', groups, max });
}

/** 1 at the bound, below it where there is room, above it where it is missed. */
export function shareOfAllowed({ value, atMost, atLeast }: Figure): number {
  return atMost === undefined ? atLeast! / value : value / atMost;
}

export function describeFigure({ text, against }: Figure): string {
  return against === undefined ? text : `${text}, to ${against}`;
}

const titles: Readonly<Record<string, string>> = {
  bare: 'Forwarding alone',
  jwt: 'JWT, limit for each consumer, breaker; clients keep their token (nginx: forwarding alone)',
  'jwt-fresh': 'The same, every request with a new token',
  gateways: 'Gateways on Node: Sluice with all of that, the others forwarding alone',
};

function listCpuBars({ candidates }: CaseResult): Bar[] {
  return candidates.map(({ name, samples }) => {
    const value = median(samples.map(({ cpuUs = 0 }) => cpuUs));
    return { label: name, value, text: `${value.toFixed(1)} us`, tone: name.startsWith('sluice') ? 'own' : 'other' };
  });
}
