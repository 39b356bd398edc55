import { execFileSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { copyTree } from '../harness/copy-tree.ts';
import { root } from '../harness/process.ts';
import { type Mutant, parseHeader, type Run, readMutants, startTestRunner, type TestRunner } from './mutant.ts';

const lanes = 2;
/** A bug in what threads do at once shows in some runs only. */
const attempts = 5;
const mutants = await readMutants();
/**
 * All of them take minutes: with each commit those of another third of the tests are tried, and with SLUICE_MUTANTS=all (`npm run mutants`)
 * every one. By test, for a test with several runs without one only once.
 */
const THIRDS = 3;
const tried = process.env.SLUICE_MUTANTS === 'all' ? mutants : thirdOf(mutants);

test('a patch names the file and the test that must go red', () => {
  expect(parseHeader('x.patch', '# red: test/a.test.ts > a suite > holds (always)')).toEqual({
    file: 'test/a.test.ts',
    name: 'a suite > holds (always)',
  });
  expect(() => parseHeader('x.patch', '--- a/file')).toThrow('x.patch: the first line must read');
});

test('every test with planted bugs has at least three', () => {
  const files = Map.groupBy(mutants, ({ file }) => file);
  expect(files.size).toBeGreaterThan(0);
  for (const [file, planted] of files) expect(planted.length, file).toBeGreaterThanOrEqual(3);
});

describe('a planted bug turns its test red, which is green without it', () => {
  const trees: string[] = [];
  const results = new Map<string, { clean: Run; planted: Run } | Error>();

  beforeAll(async () => {
    const queue = [...tried];
    const cleanRuns = new Map<string, Promise<Run>>();
    await Promise.all(
      Array.from({ length: Math.min(lanes, queue.length) }, async () => {
        const tree = await copyTree();
        trees.push(tree);
        await using runner = await startTestRunner(tree);
        for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
          const result = await tryMutant(runner, mutant, cleanRuns).catch((error: Error) => error);
          results.set(mutant.patch, result);
        }
      }),
    );
  }, 600_000);

  afterAll(async () => {
    await Promise.all(trees.map((tree) => rm(tree, { recursive: true, force: true })));
  });

  test.each(tried)('$patch', ({ patch, name }) => {
    const result = results.get(patch);
    if (result === undefined || result instanceof Error) throw result ?? new Error(`${patch} was not run`);
    expect(result.clean, `without the patch: ${name}`).toMatchObject({ passed: 1, failed: 0 });
    expect(result.planted, `with the patch: ${name}`).toMatchObject({ passed: 0, failed: 1 });
  });
});

/** The same for all who try this commit. */
function thirdOf(all: readonly Mutant[]): readonly Mutant[] {
  const commit = execFileSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8' });
  const which = Number.parseInt(commit.slice(0, 8), 16) % THIRDS;
  const ofTests = [...Map.groupBy(all, ({ file, name }) => `${file} ${name}`).values()];
  return ofTests.filter((_, i) => i % THIRDS === which).flat();
}

/** Runs the mutant's test without and with its patch; a test with several patches runs without one only once. */
async function tryMutant(runner: TestRunner, mutant: Mutant, cleanRuns: Map<string, Promise<Run>>) {
  const key = `${mutant.file} ${mutant.name}`;
  const running = cleanRuns.get(key) ?? runner.run(mutant);
  cleanRuns.set(key, running);
  const clean = await running;
  await runner.apply(mutant.patch, 'forward');
  try {
    return { clean, planted: await runUntilRed(runner, mutant) };
  } finally {
    await runner.apply(mutant.patch, 'back');
  }
}

async function runUntilRed(runner: TestRunner, mutant: Mutant): Promise<Run> {
  let run = await runner.run(mutant);
  for (let attempt = 1; attempt < attempts && run.failed === 0; attempt += 1) run = await runner.run(mutant);
  return run;
}
