import { afterAll, afterEach } from 'vitest';
import { stopSharedDatabase } from './postgres.ts';
import { forgetOutputs, formatOutputs } from './process.ts';

/** Prints what the real processes wrote when a test that used them fails. */
afterEach(({ task }) => {
  if (task.result?.state !== 'fail') return;
  const outputs = formatOutputs();
  if (outputs !== '') process.stderr.write(`\noutput of the processes of "${task.name}":\n${outputs}\n`);
});

// Registered before those of the test files, so it runs after them.
afterAll(stopSharedDatabase);
afterAll(forgetOutputs);
