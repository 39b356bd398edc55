import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, openSync, readSync } from 'node:fs';
import { mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLog } from '@sluice/engine';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../proxy/testing/eventually.ts';
import { attachShared, createExposition, createSharedRegion, createSlotDirectory } from '../../shared/index.ts';
import { AccessLog } from './access-log.ts';
import { LogFile } from './log-file.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-access-log-'));
  path = join(folder, 'access.log');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function setUp(workers = 2) {
  const region = createSharedRegion({ workers, limiterCells: 2048 });
  const seats = Array.from({ length: workers }, (_, seat) => attachShared(region, seat));
  const main = attachShared(region);
  const said: string[] = [];
  const log = createLog(
    'info',
    (line) => said.push(line),
    () => new Date(0),
  );
  const expose = createExposition({
    shared: main,
    directory: createSlotDirectory(region),
    breakers: () => [],
    families: () => [],
  });
  const dropped = () => Number(/what="access_log"\} (\d+)/.exec([...expose()].join(''))![1]);
  return { seats, main, log, said, dropped };
}

const content = () => readFile(path, 'utf8').catch(() => '');

test('the lines of all workers are written, those that are there at the end too', async () => {
  const { seats, main, log } = setUp();
  const file = new LogFile(path);
  await file.open();
  const accessLog = new AccessLog(main, file, log);
  seats[0]!.accessLog.put('a 1\n');
  seats[1]!.accessLog.put('b 1\n');
  await eventually(async () => (await content()).split('\n').length === 3, 'both lines');
  for (let i = 0; i < 10_000; i++) seats[0]!.accessLog.put(`a ${i}\n`);
  await accessLog.close();
  expect((await content()).split('\n').sort().slice(0, 2)).toEqual(['', 'a 0']);
  expect((await content()).split('\n')).toHaveLength(10_003);
  expect(accessLog.written).toBe(10_002);
  expect((await stat(path)).mode & 0o777).toBe(0o640);
});

test('a file that was moved away is made anew, and no line is lost on the way', async () => {
  const { seats, main, log } = setUp();
  const file = new LogFile(path);
  const accessLog = new AccessLog(main, file, log);
  const [seat] = seats;
  let put = 0;
  await eventually(async () => {
    seat!.accessLog.put(`${put++}\n`);
    return (await content()) !== '';
  }, 'the first file');
  await rename(path, `${path}.1`);
  await eventually(async () => {
    seat!.accessLog.put(`${put++}\n`);
    return (await content()) !== '';
  }, 'the second file');
  await accessLog.close();
  const lines = `${await readFile(`${path}.1`, 'utf8')}${await content()}`.split('\n').slice(0, -1);
  expect(lines).toEqual(Array.from({ length: put }, (_, i) => String(i)));
});

test('a place that takes nothing costs lines, which are counted, and is said once; later lines are written', async () => {
  const { seats, main, log, said, dropped } = setUp();
  path = join(folder, 'later', 'access.log');
  const accessLog = new AccessLog(main, new LogFile(path), log);
  let put = 0;
  await eventually(() => {
    seats[0]!.accessLog.put(`${put++}\n`);
    return dropped() >= 3;
  }, 'lines are dropped');
  execFileSync('mkdir', [join(folder, 'later')]);
  await eventually(async () => {
    seats[0]!.accessLog.put(`${put++}\n`);
    return (await content()) !== '';
  }, 'lines are written');
  await accessLog.close();
  expect(dropped() + accessLog.written).toBe(put);
  expect(said).toHaveLength(1);
  expect(said[0]).toContain('warn access logs cannot be written reason=');
});

test('a reader that does not read fills the ring of the worker, and holds up nothing else', async () => {
  const { seats, main, log, dropped } = setUp();
  execFileSync('mkfifo', [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const accessLog = new AccessLog(main, new LogFile(path), log);
  const line = `${'x'.repeat(999)}\n`;
  let put = 0;
  // The pipe takes 64 KiB, a batch is on its way, and the ring is a MiB.
  await eventually(() => {
    for (let i = 0; i < 100; i++) {
      if (!seats[0]!.accessLog.put(line)) return true;
      put++;
    }
    return false;
  }, 'the ring is full');
  expect(put).toBeLessThan(1500);
  const bytes = Buffer.alloc(1 << 20);
  let read = 0;
  await eventually(() => {
    try {
      read += readSync(reader, bytes);
    } catch {
      // Nothing there yet.
    }
    return read === put * line.length;
  }, 'all of it is read');
  await accessLog.close();
  expect(accessLog.written).toBe(put);
  expect(dropped()).toBe(0);
});

test('standard output that nobody reads holds up nothing in the process but the access log', async () => {
  const program = `
    const { standardOutput } = await import(process.argv[1]);
    let taken = 0;
    void standardOutput.write(Buffer.alloc(1 << 21, 'x')).then(() => taken++);
    let turns = 0;
    setInterval(() => {
      if (++turns < 20) return;
      process.stderr.write('goes on, ' + taken + ' taken');
      process.exit(0);
    }, 5);
  `;
  const module = new URL('./log-target.ts', import.meta.url).href;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program, module], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const [exitCode] = (await once(child, 'exit')) as [number];
  expect([exitCode, said]).toEqual([0, 'goes on, 0 taken']);
});

test('a reader that does not read holds up the end of the process for a second at most', async () => {
  const { seats, main, log } = setUp();
  execFileSync('mkfifo', [path]);
  openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const accessLog = new AccessLog(main, new LogFile(path), log);
  while (seats[0]!.accessLog.put(`${'x'.repeat(999)}\n`));
  await accessLog.close();
  expect(accessLog.written).toBeLessThan(1000);
});
