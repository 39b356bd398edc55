import { afterAll, afterEach } from 'vitest';
import { forgetOutputs, formatOutputs } from './process.ts';

/** Prints what the real processes wrote when a test that used them fails. */
afterEach(({ task }) => {
  if (task.result?.state !== 'fail') return;
  const outputs = formatOutputs();
  if (outputs !== '') process.stderr.write(`\noutput of the processes of "${task.name}":\n${outputs}\n`);
});

afterAll(forgetOutputs);
