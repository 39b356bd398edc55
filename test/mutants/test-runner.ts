/**
 * Runs in a copy of the tree, and there one test at a time, as it is asked by its parent: what does not change from one run to the next
 * is transformed once. Each test file runs in a process of its own, as always.
 */
import { join } from 'node:path';
import { createVitest } from 'vitest/node';

export type TestRequest = {
  readonly file: string;
  readonly name: string;
  /** Files that are not as they were in the run before. */
  readonly changed: readonly string[];
};

/** How many tests passed and failed; an error where none could be run. */
export type TestReport = { readonly passed: number; readonly failed: number } | { readonly error: string };

const root = join(import.meta.dirname, '..', '..');
const vitest = await createVitest('test', { root, watch: false, reporters: [{}] });
process.on('disconnect', () => process.exit());
process.on('message', (request: TestRequest) => {
  void run(request).then(
    (report) => process.send!(report),
    (error: Error) => process.send!({ error: error.stack ?? error.message }),
  );
});
process.send!('ready');

async function run({ file, name, changed }: TestRequest): Promise<TestReport> {
  for (const path of changed) vitest.invalidateFile(join(root, path));
  vitest.setGlobalTestNamePattern(new RegExp(`${RegExp.escape(name)}$`));
  const specifications = await vitest.globTestSpecifications([file]);
  const { testModules } = await vitest.runTestSpecifications(specifications);
  // What Vitest gives back has the files of earlier runs in it.
  const modules = testModules.filter(({ moduleId }) => moduleId === join(root, file));
  const states = modules.flatMap(({ children }) => [...children.allTests()].map((test) => test.result().state));
  const broken = modules.flatMap((module) => module.errors());
  if (states.length === 0) return { error: `no test in ${file}: ${broken.map(({ message }) => message).join('; ')}` };
  const count = (state: string): number => states.filter((each) => each === state).length;
  return { passed: count('passed'), failed: count('failed') };
}
