import { StartError } from '../start-error.ts';
import { LogFile } from './log-file.ts';
import { type LogTarget, standardOutput } from './log-target.ts';

/**
 * `path` undefined: standard output.
 * @throws StartError where the file cannot be opened
 */
export async function openAccessLog(path: string | undefined): Promise<LogTarget> {
  if (path === undefined) return standardOutput;
  const file = new LogFile(path);
  await file.open().catch((error: Error) => {
    throw new StartError(`cannot open the access log ${path}: ${error.message} (--access-log)`);
  });
  return file;
}
