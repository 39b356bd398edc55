import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startProcess } from '../harness/process.ts';
import { makeTempDir } from '../harness/temp-dir.ts';
import { waitFor } from '../harness/wait-for.ts';

const kills = 10;

test(`an embedded database killed ${kills} times in the middle of changes has each one that was acknowledged, and none by half`, async () => {
  await using dir = await makeTempDir('crash');
  let acknowledged = 0;
  for (let round = 0; round <= kills; round++) {
    await using child = await startProcess({
      name: 'apply-forever',
      program: process.execPath,
      args: [join(import.meta.dirname, 'apply-forever.ts'), dir.path],
    });
    const [, number = '', , ports = ''] = await child.line(/^loaded (\d+) ([0-9a-f]+) (.*)$/m, 30_000);
    const revision = Number(number);
    expect(revision).toBeGreaterThanOrEqual(acknowledged);
    expect(revision).toBeLessThanOrEqual(acknowledged + 1);
    expect(JSON.parse(ports)).toEqual(portsAt(revision));
    if (round === kills) return;
    const goal = revision + 5 + round * 3;
    await waitFor('changes are acknowledged', () => lastAcked(child.stdout()) >= goal, { everyMs: 1 });
    await child.kill();
    acknowledged = lastAcked(child.stdout());
  }
});

function lastAcked(output: string): number {
  return Number([...output.matchAll(/^acked (\d+)\n/gm)].at(-1)?.[1] ?? 0);
}

/** What the revisions up to one add up to, as apply-forever.ts makes them. */
function portsAt(last: number): Record<string, number> {
  const ports: Record<string, number> = {};
  for (let revision = 1; revision <= last; revision++) {
    const name = `s${revision % 7}`;
    if (revision % 10 === 0 && name in ports) delete ports[name];
    else ports[name] = revision;
  }
  return ports;
}
