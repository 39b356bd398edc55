import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { grpcHealth } from '@sluice/proto';
import { createGrpcClient } from '@sluice/proto/grpc-client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { until } from './fleet/testing/until.ts';

const { HealthCheckResponse_ServingStatus: Status } = grpcHealth;
const program = new URL('../bin/sluice-control-plane.js', import.meta.url).pathname;
const children: ChildProcess[] = [];
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sluice-main-'));
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

afterAll(() => rm(directory, { recursive: true, force: true }));

function run(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [program, ...args], {
    env: { HOME: directory, SLUICE_CONTEXT_FILE: join(directory, 'contexts.yaml'), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let out = '';
  child.stdout.on('data', (data) => {
    out += data;
  });
  const stderr = text(child.stderr);
  const exited = once(child, 'exit').then(async ([code]) => ({ code, out, err: await stderr }));
  return { child, exited, out: () => out };
}

const dataDir = (name: string) => ['--data-dir', join(directory, name)];
const anyPort = ['--listen', '127.0.0.1:0'];

describe('what cannot start', () => {
  it.each([
    [
      'an address of another machine',
      ['--listen', '192.0.2.1:7070'],
      /^cannot listen on 192\.0\.2\.1:7070: this machine does not have this address\n$/,
    ],
    [
      'a database that is not there',
      [...anyPort, '--database', 'postgres://u:secret@127.0.0.1:1/x'],
      /^cannot use the database at 127\.0\.0\.1:1: .*\n$/,
    ],
    [
      'a data directory that cannot be made',
      [...anyPort, '--data-dir', '/dev/null/data'],
      /^cannot write to the data directory \/dev\/null\/data: .*\n$/,
    ],
  ])('%s: one line says so, and the exit code is 1', async (_, args, line) => {
    const { code, out, err } = await run([...(args.includes('--data-dir') ? [] : dataDir('none')), ...args]).exited;
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(line);
    expect(err).not.toContain('secret@');
  });

  it('a taken port', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const address = holder.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const { code, err } = await run([...dataDir('none'), '--listen', `127.0.0.1:${port}`]).exited;
    holder.close();
    expect(code).toBe(1);
    expect(err).toBe(
      `cannot listen on 127.0.0.1:${port}: another process uses this address; choose another with --listen\n`,
    );
  });
});

describe('a process', () => {
  const start = async (flags: readonly string[]) => {
    const process = run([...anyPort, ...flags]);
    await until(() => / listening on \S+/.test(process.out()), 30_000);
    return { ...process, url: / listening on (\S+)/.exec(process.out())![1]! };
  };

  it('keeps others from its data as long as it lives, and ends at SIGTERM', async () => {
    const first = await start(dataDir('one'));
    const second = await run([...anyPort, ...dataDir('one')]).exited;
    expect(second.code).toBe(1);
    expect(second.err).toMatch(/^the data directory .* is in use by process \d+; .*\n$/);
    first.child.kill('SIGKILL');
    await first.exited;
    const third = await start(dataDir('one'));
    third.child.kill('SIGTERM');
    expect(await third.exited).toMatchObject({ code: 0, err: '' });
  });

  it('says at SIGTERM that it stops, gives calls time, and ends at once at the second', async () => {
    const { child, exited, url } = await start(dataDir('one'));
    const watch = createGrpcClient(grpcHealth.Health, url).watch({});
    const statuses: number[] = [];
    watch.on('error', () => undefined).on('data', ({ status }) => statuses.push(status));
    await until(() => statuses.length === 1);
    child.kill('SIGTERM');
    await until(() => statuses.length === 2);
    expect(statuses).toEqual([Status.SERVING, Status.NOT_SERVING]);
    child.kill('SIGTERM');
    expect(await exited).toMatchObject({ code: 1, err: '' });
  });
});
