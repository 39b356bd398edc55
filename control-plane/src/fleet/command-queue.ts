import type { Command } from '@sluice/proto';

/** Commands for one node that were not answered yet, at most this many. */
const maxCommands = 64;

interface PendingCommand {
  readonly command: Command['command'];
  readonly settle: (problem: string) => void;
}

/** Commands on their way to one node and back. */
export class CommandQueue {
  readonly #unsent = new Map<bigint, PendingCommand>();
  readonly #sent = new Map<bigint, PendingCommand>();
  #lastId = 0n;

  /** Resolves to why the node did not do it; empty: it did. */
  add(command: Command['command'], timeoutMs: number): Promise<string> {
    if (this.#unsent.size + this.#sent.size >= maxCommands)
      return Promise.resolve('too many commands wait for its answer');
    const { promise, resolve } = Promise.withResolvers<string>();
    const id = ++this.#lastId;
    const timer = setTimeout(() => this.settle(id, `no answer within ${timeoutMs} ms`), timeoutMs);
    this.#unsent.set(id, {
      command,
      settle: (problem) => {
        clearTimeout(timer);
        resolve(problem);
      },
    });
    return promise;
  }

  /** The next one to send. */
  take(): { commandId: bigint; command: Command['command'] } | undefined {
    for (const [commandId, pending] of this.#unsent) {
      this.#unsent.delete(commandId);
      this.#sent.set(commandId, pending);
      return { commandId, command: pending.command };
    }
    return undefined;
  }

  /** The node's answer, or what stands for it. Answers to unknown commands change nothing. */
  settle(id: bigint, problem: string): void {
    const pending = this.#sent.get(id) ?? this.#unsent.get(id);
    this.#sent.delete(id);
    this.#unsent.delete(id);
    pending?.settle(problem);
  }

  /** Ends all that wait. */
  close(problem: string): void {
    for (const id of [...this.#sent.keys(), ...this.#unsent.keys()]) this.settle(id, problem);
  }
}
