import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';

export interface ChildOptions {
  readonly name: string;
  /** Of this Node: the program and what it is given. */
  readonly args: readonly string[];
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** What it prints once it serves. */
  readonly ready: RegExp;
  /** Holds its process id while it runs. */
  readonly pidFile: string;
  /** A command line that starts it again by hand. */
  readonly again: string;
}

/**
 * Programs that run until this process stops them. Each is in a process group of its own, so that Ctrl-C reaches them through this
 * process alone. One that ends by itself is said to, and the others go on: that is what they are built for.
 */
export class Children {
  readonly #running: { readonly child: ChildProcess; readonly ended: Promise<void> }[] = [];
  #stopping = false;

  /** Starts a program and waits until its output matches. @throws Error with what it said where it ends before */
  async start({ name, args, env, ready, pidFile, again }: ChildOptions): Promise<RegExpExecArray> {
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
      detached: true,
    });
    const { promise: matched, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
    let output = '';
    let isReady = false;
    const hear = (chunk: Buffer, isError: boolean): void => {
      const text = chunk.toString();
      if (isReady) {
        if (isError || / (warn|error) /.test(text)) process.stderr.write(text.replace(/^(?=.)/gm, `${name} | `));
        return;
      }
      output += text;
      const match = ready.exec(output);
      if (match === null) return;
      isReady = true;
      writeFileSync(pidFile, `${child.pid}\n`);
      resolve(match);
    };
    child.stdout.on('data', (chunk: Buffer) => hear(chunk, false));
    child.stderr.on('data', (chunk: Buffer) => hear(chunk, true));
    const ended = new Promise<void>((done) => {
      child.once('exit', (code, signal) => {
        done();
        if (isReady) rmSync(pidFile, { force: true });
        const how = signal === null ? `exit code ${code}` : signal;
        reject(new Error(output.trim() || `the ${name} ended: ${how}`));
        if (isReady && !this.#stopping)
          process.stderr.write(`\nThe ${name} ended: ${how}. The rest runs on. To start it again:\n  ${again}\n`);
      });
    });
    this.#running.push({ child, ended });
    return await matched;
  }

  /** Stops them, those started last first, and waits for their end. Called again it does not wait for what they still do. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const { child, ended } of this.#running.toReversed()) {
      child.kill('SIGTERM');
      await ended;
    }
  }
}
