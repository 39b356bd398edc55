import { checkBreaking } from './breaking.ts';
import { checkLockfile } from './lockfile.ts';
import { checkShell } from './shell.ts';
import { command, type Step } from './step.ts';
import { ARCHITECTURE, runTests } from './tests.ts';

/** Every check, cheapest first, so that a mistake shows in seconds. */
export const steps: readonly Step[] = [
  { name: 'lockfile complete', run: checkLockfile },
  { name: 'format and lint', run: () => command('biome', ['check', '--error-on-warnings', '.']) },
  { name: 'lint with types', run: () => command('oxlint', ['--type-aware', '--deny-warnings', '.']) },
  { name: 'packages used and listed', run: () => command('knip', []) },
  { name: 'types', run: () => command('tsc', ['-b']) },
  { name: 'shell scripts', run: checkShell },
  { name: 'protobuf lint', run: () => command('buf', ['lint']) },
  { name: 'protobuf format', run: () => command('buf', ['format', '-d', '--exit-code']) },
  { name: 'protobuf breaking changes', run: checkBreaking },
  { name: 'generated files unchanged', run: () => command(process.execPath, ['proto/generate.ts', '--check']) },
  { name: 'reference pages unchanged', run: () => command(process.execPath, ['test/reference/main.ts', '--check']) },
  { name: 'architecture', run: () => command('vitest', ['run', '--project', 'functional', ARCHITECTURE]) },
  { name: 'tests', run: runTests },
];
