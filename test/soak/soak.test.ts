import { expect, test } from 'vitest';
import { soak } from './soak.ts';

test('a minute of everything at once: no wrong answer, and nothing grows', async () => {
  const seed = Date.now() % 0xffff_ffff;
  const lines: string[] = [`seed ${seed} (repeat with npm run soak -- --seconds 60 --seed ${seed})`];
  const write = (line: string): void => void lines.push(line);
  const against = await soak({ seed, durationMs: 60_000, intervalMs: 2_000, clients: 12, write });
  expect(against, lines.join('\n')).toEqual([]);
});
