/** Whoever reads what a program says may go and come back: the program goes on, and is heard again. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { connectAdmin } from '../harness/admin.ts';
import { freePort } from '../harness/free-port.ts';
import { createSharedDatabase } from '../harness/postgres.ts';
import { type RunningProcess, root, startProcess } from '../harness/process.ts';
import { makeTempDir } from '../harness/temp-dir.ts';
import { waitFor } from '../harness/wait-for.ts';

/** A named pipe that a program's standard output goes to; writing there fails while nobody has it open for reading. */
function makePipe(directory: string) {
  const path = join(directory, 'log');
  execFileSync('mkfifo', [path]);
  let file: number | undefined;
  const bytes = Buffer.alloc(1 << 16);
  return {
    path,
    open: () => {
      file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    },
    close: () => closeSync(file!),
    /** What came since it was read last. */
    read: () => {
      try {
        return bytes.toString('utf8', 0, readSync(file!, bytes));
      } catch {
        return '';
      }
    },
  };
}

/** Starts one of our programs, with what it says going to a file. */
function start(name: string, program: string, args: readonly string[], output: string): Promise<RunningProcess> {
  const whole = [process.execPath, join(root, program), ...args];
  return startProcess({ name, program: 'sh', args: ['-c', 'exec "$@" >"$0"', output, ...whole] });
}

/** Has the program speak while nobody reads, and then again; it is to be heard the second time, and to live. */
async function goAndComeBack(
  pipe: ReturnType<typeof makePipe>,
  running: RunningProcess,
  speak: () => Promise<unknown>,
) {
  pipe.close();
  await speak();
  pipe.open();
  await waitFor('the program to be heard', async () => {
    await speak();
    return pipe.read() !== '';
  });
  pipe.close();
  expect(running.exit()).toBeUndefined();
}

test('a control plane whose log nobody reads goes on', async () => {
  await using home = await makeTempDir('log');
  const pipe = makePipe(home.path);
  const address = `127.0.0.1:${await freePort()}`;
  const database = (await createSharedDatabase()) ?? 'embedded';
  const args = ['--listen', address, '--auth', 'none', '--database', database, '--data-dir', join(home.path, 'data')];
  pipe.open();
  await using running = await start('control plane', 'control-plane/bin/sluice-control-plane.js', args, pipe.path);
  using admin = connectAdmin({ url: `http://${address}` });
  const speak = () => admin.config.apply({});
  await waitFor('the control plane to answer', () => speak().then(Boolean, () => false));
  await goAndComeBack(pipe, running, speak);
});

test('a node whose log nobody reads goes on', async () => {
  await using home = await makeTempDir('log');
  const pipe = makePipe(home.path);
  const own = `127.0.0.1:${await freePort()}`;
  const nowhere = `http://127.0.0.1:${await freePort()}`;
  const args = ['--control-plane', nowhere, '--node-id', 'n1', '--workers', '1', '--admin', own];
  pipe.open();
  await using running = await start(
    'node',
    'data-plane/bin/sluice-node.js',
    [...args, '--bind', `http=127.0.0.1:${await freePort()}`, '--cache-dir', join(home.path, 'cache')],
    pipe.path,
  );
  const answers = () =>
    fetch(`http://${own}/__health`).then(
      ({ ok }) => ok,
      () => false,
    );
  await waitFor('the node to say where it serves', () => pipe.read().includes('admin on'));
  await goAndComeBack(pipe, running, async () => {
    running.signal('SIGUSR2');
    await waitFor('the node to answer', answers);
  });
});
