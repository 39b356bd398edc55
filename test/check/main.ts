/**
 * `npm run check [-- --all] [-- --static]`: runs every check in order, each with its time; stops at the first failure unless `--all`.
 * `--static`: all but the tests.
 */
import { readOptions } from '../harness/read-options.ts';
import { runStep } from './step.ts';
import { steps } from './steps.ts';

const usage = `usage: npm run check -- [--all] [--static]
  --all     go on after a check that failed
  --static  all but the tests
`;
const values = readOptions(usage, {
  all: { type: 'boolean', default: false },
  static: { type: 'boolean', default: false },
});
const failed: string[] = [];

for (const step of steps) {
  if (values.static && step.name === 'tests') continue;
  const passed = await runStep(step);
  if (passed) continue;
  failed.push(step.name);
  if (!values.all) break;
}

if (failed.length > 0) {
  process.stdout.write(`\ncheck failed: ${failed.join(', ')}\n`);
  process.exitCode = 1;
} else {
  process.stdout.write('\ncheck passed\n');
}
