/** `npm run soak`: half an hour of everything at once, and a verdict. */
import { readOptions } from '../harness/read-options.ts';
import { soak } from './soak.ts';

const usage = 'usage: npm run soak -- [--minutes 30 | --seconds 60] [--seed NUMBER] [--clients 24]\n';
const values = readOptions(usage, {
  minutes: { type: 'string', default: '30' },
  seconds: { type: 'string' },
  seed: { type: 'string', default: String(Date.now() % 0xffff_ffff) },
  clients: { type: 'string', default: '24' },
});

const durationMs = values.seconds === undefined ? Number(values.minutes) * 60_000 : Number(values.seconds) * 1000;
const seed = Number(values.seed);
if (!(durationMs > 0) || !Number.isInteger(seed)) {
  process.stderr.write(usage);
  process.exit(2);
}
console.log(`seed ${seed}, ${durationMs / 1000} s (repeat with npm run soak -- --seed ${seed})`);
const against = await soak({
  seed,
  durationMs,
  intervalMs: Math.max(3_000, durationMs / 60),
  clients: Number(values.clients),
  write: (line) => console.log(line),
});
for (const reason of against) console.error(`FAILED: ${reason}`);
if (against.length === 0) console.log('passed');
process.exit(against.length === 0 ? 0 : 1);
