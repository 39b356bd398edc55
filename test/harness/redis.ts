import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { waitFor } from './wait-for.ts';

/** Throws where there is no `redis-server` of version 7 or newer. */
export function needRedis(): void {
  const { stdout } = spawnSync('redis-server', ['--version'], { encoding: 'utf8' });
  const version = Number(/ v=(\d+)/.exec(stdout ?? '')?.[1] ?? 0);
  if (version < 7) throw new Error('this needs redis-server 7 or newer: apt-get install redis-server');
}

/** A real Redis of its own, without anything on disk unless `persistent`. */
export interface Redis {
  readonly port: number;
  readonly url: string;
  /** One command, as `redis-cli` prints its answer. */
  command(...words: readonly string[]): string;
  /** SIGKILL, whatever it holds is lost. */
  kill(): Promise<void>;
  /** Starts again on the same port. */
  start(): Promise<void>;
  /** SIGSTOP and SIGCONT. */
  pause(): void;
  resume(): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** `at`: its port; else any that is free. */
export async function startRedis(at?: number): Promise<Redis> {
  const port = at ?? (await freePort());
  const directory = mkdtempSync(join(tmpdir(), 'sluice-redis-'));
  let child: ChildProcess | undefined;
  const redis: Redis = {
    port,
    url: `redis://127.0.0.1:${port}`,
    async start() {
      child = spawn(
        'redis-server',
        ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', directory],
        { stdio: 'ignore' },
      );
      await waitFor('redis answers', () => answers(port));
    },
    command(...words) {
      const { stdout, status } = spawnSync('redis-cli', ['-p', String(port), ...words], { encoding: 'utf8' });
      if (status !== 0) throw new Error(`redis-cli ${words[0]}: ${stdout}`);
      return stdout.trim();
    },
    async kill() {
      if (child === undefined) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      child = undefined;
      await ended;
    },
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    async [Symbol.asyncDispose]() {
      await redis.kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
  await redis.start();
  return redis;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    const end = (alive: boolean) => {
      socket.destroy();
      resolve(alive);
    };
    socket.on('data', () => end(true));
    socket.on('error', () => end(false));
  });
}
