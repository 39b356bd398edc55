import type { Command, ServicesReport } from '@sluice/proto';

/** Commands for one node that were not answered yet, at most this many. */
const MAX_COMMANDS = 64;

/** What became of a command. */
export interface CommandReply {
  /** Why it was not done. Empty: it was. */
  readonly problem: string;
  /** What the node was asked for. */
  readonly report?: ServicesReport | undefined;
}

interface PendingCommand {
  readonly command: Command['command'];
  readonly settle: (reply: CommandReply) => void;
}

/** Commands on their way to one node and back. */
export class CommandQueue {
  readonly #unsent = new Map<bigint, PendingCommand>();
  readonly #sent = new Map<bigint, PendingCommand>();
  #lastId = 0n;

  add(command: Command['command'], timeoutMs: number): Promise<CommandReply> {
    if (this.#unsent.size + this.#sent.size >= MAX_COMMANDS)
      return Promise.resolve({ problem: 'too many commands wait for its answer' });
    const { promise, resolve } = Promise.withResolvers<CommandReply>();
    const id = ++this.#lastId;
    const timer = setTimeout(() => this.settle(id, { problem: `no answer within ${timeoutMs} ms` }), timeoutMs);
    this.#unsent.set(id, {
      command,
      settle: (reply) => {
        clearTimeout(timer);
        resolve(reply);
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
  settle(id: bigint, reply: CommandReply): void {
    const pending = this.#sent.get(id) ?? this.#unsent.get(id);
    this.#sent.delete(id);
    this.#unsent.delete(id);
    pending?.settle(reply);
  }

  /** Ends all that wait. */
  close(problem: string): void {
    for (const id of [...this.#sent.keys(), ...this.#unsent.keys()]) this.settle(id, { problem });
  }
}
