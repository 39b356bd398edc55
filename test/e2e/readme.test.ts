import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { copyTree } from '../harness/copy-tree.ts';
import { root } from '../harness/process.ts';
import { isAlive, listTree, signalIfAlive } from '../harness/process-tree.ts';
import { makeTempDir, type TempDir } from '../harness/temp-dir.ts';
import { waitFor, within } from '../harness/wait-for.ts';
import { matchesExpected, readConsoleSteps } from './readme-console.ts';

const PORTS = { 8080: 'proxy', 9901: 'node', 7070: 'control plane', 9000: 'demo upstream' };
const steps = readConsoleSteps(await readFile(join(root, 'README.md'), 'utf8'));

let tree: string;
let home: TempDir;
let shell: Shell;
let started: Shell;
const pids = new Set<number>();

beforeAll(async () => {
  const taken = await takenPorts();
  if (taken.length > 0) throw new Error(`this test needs ${taken.join(', ')}: end what listens there`);
  tree = await copyTree();
  home = await makeTempDir('readme-home');
});

afterAll(async () => {
  for (const one of [shell, started]) if (one !== undefined) rememberTree(one);
  for (const pid of pids) signalIfAlive(pid, 'SIGKILL');
  if (tree !== undefined) await rm(tree, { recursive: true, force: true, maxRetries: 5 });
  await home?.[Symbol.asyncDispose]();
});

describe('npm start', () => {
  test('says what runs where, with a key that works', async () => {
    started = run('npm', ['start']);
    const output = await started.until(/Ctrl-C stops it/);
    expect(output).toMatch(/proxy +http:\/\/127\.0\.0\.1:8080\n/);
    expect(output).toMatch(/data +\.sluice\n/);
    expect(await hello(keyOf(output))).toBe(200);
  });

  test('beside another one says which port is taken, and exits 1', async () => {
    const second = run('npm', ['start']);
    expect(await second.ended()).toBe(1);
    expect(second.output()).toMatch(/port 127\.0\.0\.1:9000 .* is taken/);
    expect(await hello(keyOf(started.output()))).toBe(200);
  });
});

describe('the README', () => {
  beforeAll(() => {
    shell = run('bash', ['--norc', '--noprofile']);
    shell.send('exec 2>&1\n');
  });

  test.each(steps)('line $line: $command', async ({ command, expected }) => {
    const printed = await shell.ask(command);
    if (!matchesExpected(expected, printed)) expect(printed).toBe(expected.join('\n'));
  });
});

describe('Ctrl-C', () => {
  test('stops all that npm start started, and what was started by hand', async () => {
    expect(started.output()).toMatch(
      /The control plane ended: SIGKILL\. The rest runs on\. To start it again:\n {2}npx/,
    );
    rememberTree(shell);
    const byHand = [...pids];
    for (const pid of byHand) signalIfAlive(pid, 'SIGTERM');
    await stop(started);
    shell.end();
    await waitFor('what was started by hand ends', () => byHand.every((pid) => !isAlive(pid)));
    expect(await takenPorts()).toEqual([]);
  });

  test('the next start finds its data, and Ctrl-C leaves no process and no port', async () => {
    const before = keyOf(started.output());
    started = run('npm', ['start']);
    const output = await started.until(/Ctrl-C stops it/);
    expect(keyOf(output)).toBe(before);
    expect(await hello(before)).toBe(200);
    const listed = run('npx', ['gatewayctl', 'history', '-o', 'json']);
    expect(await listed.ended()).toBe(0);
    const history = JSON.parse(listed.output()) as { revision: number; message: string }[];
    expect(history.map(({ revision }) => revision)).toEqual([3, 2, 1]);

    expect(listTree(started.pid).length).toBeGreaterThan(2);
    await stop(started);
    expect(await takenPorts()).toEqual([]);
    expect(started.output()).not.toMatch(/ ended: /);
  });
});

/** As a terminal does: to the whole process group. npm itself ends of the signal, maybe before what it runs. */
async function stop(running: Shell): Promise<void> {
  const processes = listTree(running.pid);
  process.kill(-running.pid, 'SIGINT');
  await running.ended();
  await waitFor('npm start has left no process', () => !processes.some(isAlive));
}

function rememberTree({ pid }: Shell): void {
  for (const each of listTree(pid)) if (each !== process.pid) pids.add(each);
}

function keyOf(output: string): string {
  return /An API key to try: (\S+)/.exec(output)![1]!;
}

async function hello(key: string): Promise<number> {
  const answer = await fetch('http://127.0.0.1:8080/hello', { headers: { 'x-api-key': key } });
  await answer.arrayBuffer();
  return answer.status;
}

async function takenPorts(): Promise<string[]> {
  const found = await Promise.all(
    Object.entries(PORTS).map(async ([port, use]) => ((await isFree(Number(port))) ? [] : [`port ${port} (${use})`])),
  );
  return found.flat();
}

async function isFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const server = createServer();
  server.once('error', () => resolve(false));
  server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  return promise;
}

type Shell = ReturnType<typeof run>;

/** Runs a program in the copied tree, in a process group of its own, with what it prints gathered. */
function run(program: string, args: readonly string[]) {
  const env = {
    PATH: process.env.PATH,
    HOME: home.path,
    NO_COLOR: '1',
    LANG: 'C.UTF-8',
    npm_config_update_notifier: 'false',
  };
  const child: ChildProcessByStdio<Writable, Readable, Readable> = spawn(program, args, {
    cwd: tree,
    env,
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const exited = once(child, 'close').then(([code]) => code as number | null);
  let output = '';
  let asked = 0;
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const until = (pattern: RegExp, from = 0) =>
    waitFor(`${program} ${args.join(' ')} prints ${pattern}`, () => pattern.test(output.slice(from)) && output, {
      deadlineMs: 50_000,
    }).catch((error: Error) => {
      throw new Error(`${error.message}; it printed:\n${output.slice(from)}`);
    });
  return {
    pid: child.pid!,
    output: () => output,
    until,
    ended: () => within(`${program} ${args.join(' ')} ends`, exited, 30_000),
    send: (text: string) => void child.stdin.write(text),
    end: () => void child.stdin.end(),
    /** Runs a command in the shell that this is, and gives what it printed. */
    async ask(command: string): Promise<string> {
      const from = output.length;
      const mark = `--end-of-step-${++asked}--`;
      child.stdin.write(`${command}\nprintf '%s\\n' ${mark}\n`);
      await until(new RegExp(mark), from);
      return output.slice(from, output.indexOf(mark, from));
    },
  };
}
