import { numbered, type SmugglingCase } from './case.ts';
import { chunkCases } from './chunk-cases.ts';
import { fieldCases } from './field-cases.ts';
import { framingCases } from './framing-cases.ts';
import { hostCases } from './host-cases.ts';
import { lineCases } from './line-cases.ts';
import { pipelineCases } from './pipeline-cases.ts';
import { requestLineCases } from './request-line-cases.ts';
import { targetCases } from './target-cases.ts';
import { trailerCases } from './trailer-cases.ts';

const CASES = [
  framingCases,
  lineCases,
  chunkCases,
  trailerCases,
  requestLineCases,
  targetCases,
  hostCases,
  fieldCases,
  pipelineCases,
];

/** Every case once, numbered in this order. */
export function smugglingCorpus(): SmugglingCase[] {
  const all = CASES.flatMap((cases) => cases());
  return numbered([...new Map(all.map((one) => [one.bytes, one])).values()]);
}

/** Where a message is worth cutting: within and behind line ends, and within what numbers and names stand at the start of a line. */
export function hostileSplits({ bytes }: SmugglingCase): number[] {
  const points = new Set<number>();
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === '\r' || byte === '\n') for (const point of [at, at + 1, at + 2]) points.add(point);
    if (byte === ':' || byte === ';') points.add(at);
  }
  const all = [...points].filter((point) => point > 0 && point < bytes.length).sort((a, b) => a - b);
  const step = Math.max(1, Math.ceil(all.length / MAX_SPLITS));
  return all.filter((_, index) => (index + bytes.length) % step === 0);
}

/** So that a case takes as long as one that is not split, about; which of the points, is different from case to case. */
const MAX_SPLITS = 16;
