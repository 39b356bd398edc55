import { readOptions } from '../harness/read-options.ts';
import { type FuzzReport, fuzzRequests, fuzzResponses } from './http1.ts';

const targets = { 'http1-requests': fuzzRequests, 'http1-responses': fuzzResponses };

const usage = `usage: npm run fuzz -- [--seconds 60] [--seed NUMBER] [--only ${Object.keys(targets).join('|')}]\n`;
const values = readOptions(usage, {
  seed: { type: 'string', default: String(Date.now() % 0xffff_ffff) },
  seconds: { type: 'string', default: '60' },
  only: { type: 'string' },
});

const seed = Number(values.seed);
const perTargetMs = Number(values.seconds) * 1000;
const chosen = Object.entries(targets).filter(([name]) => values.only === undefined || values.only === name);
if (!(perTargetMs > 0) || !Number.isInteger(seed) || chosen.length === 0) {
  process.stderr.write(usage);
  process.exit(2);
}
for (const [name, fuzz] of chosen) {
  console.log(`${name}: seed ${seed}, ${values.seconds} s (repeat with npm run fuzz -- --only ${name} --seed ${seed})`);
  const until = performance.now() + perTargetMs;
  print(name, await fuzz(seed, () => performance.now() < until));
}

function print(name: string, { cases, accepted, refused, stricter, failure }: FuzzReport): void {
  console.log(`${name}: ${cases} cases: ${accepted} accepted, ${refused} refused by both, ${stricter} only by Sluice`);
  if (failure === null) return;
  console.error(`${name}: ${failure}`);
  process.exitCode = 1;
}
