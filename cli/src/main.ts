import { CommanderError } from 'commander';
import { CommandFailure, EXIT } from './exit.ts';
import { createProgram } from './program.ts';

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    // The reader left, as `head` does.
    process.exit(process.exitCode ?? EXIT.done);
  });
}

try {
  await createProgram().parseAsync();
} catch (error) {
  if (error instanceof CommandFailure) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = error.exitCode;
  } else if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
  } else {
    throw error;
  }
}
