import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';

/**
 * The options of one of the project's own programs (`npm run bench -- --quick`). `--help` prints the usage text and ends the process;
 * an option that does not exist ends it with one line that says so, and exit code 2.
 */
export function readOptions<const T extends ParseArgsOptionsConfig>(
  usage: string,
  options: T,
): ReturnType<typeof parseArgs<{ options: T }>>['values'] {
  try {
    if (process.argv.slice(2).some((argument) => argument === '--help' || argument === '-h')) {
      process.stdout.write(usage);
      process.exit(0);
    }
    return parseArgs({ options }).values;
  } catch (error) {
    // Node adds how to write an argument that begins with a dash, which none does here.
    process.stderr.write(`${(error as Error).message.split('. ')[0]} (--help shows what there is)\n`);
    process.exit(2);
  }
}
