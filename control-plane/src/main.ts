import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { parseSettings } from './settings.ts';
import { StartError } from './start-error.ts';

/** After this the process ends, whatever still runs. */
const STOP_WITHIN_MS = 10_000;

// Whoever reads the log may go, or its disk be full; the control plane goes on, and is heard again when there is room.
process.stdout.on('error', () => undefined);

const parsed = parseSettings(process.argv.slice(2));
if (parsed.kind === 'exit') {
  const output = parsed.exitCode === 0 ? process.stdout : process.stderr;
  output.write(parsed.text);
  process.exitCode = parsed.exitCode;
} else {
  let running: ControlPlane | undefined;
  let stopping = false;
  const stop = () => {
    // The second signal, and the first one while starting.
    if (stopping || running === undefined) process.exit(stopping ? 1 : 0);
    stopping = true;
    setTimeout(() => process.exit(1), STOP_WITHIN_MS).unref();
    running.close().then(
      () => process.exit(0),
      (error: unknown) => fail(error),
    );
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
  try {
    running = await startControlPlane(parsed.settings);
  } catch (error) {
    fail(error);
  }
}

function fail(error: unknown): never {
  const text = error instanceof StartError ? error.message : error instanceof Error ? error.stack : String(error);
  process.stderr.write(`${text}\n`);
  process.exit(1);
}
