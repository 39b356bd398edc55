import { randomUUID } from 'node:crypto';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import type { Log } from '@sluice/engine';
import { type ServicesReport, ServicesReportSchema } from '@sluice/proto';
import type { CommandAnswer, Notice, Store, TakenCommand } from '../store/store.ts';
import type { CommandReply } from './command-queue.ts';
import { carryOut, decodeFleetCommand, encodeFleetCommand, type FleetCommand } from './fleet-command.ts';
import type { NodeSession } from './node-session.ts';

/** Where replicas leave commands for each other's nodes. */
export type CommandStore = Pick<
  Store,
  'issueCommands' | 'takeCommands' | 'answerCommands' | 'readCommandAnswers' | 'subscribe'
>;

export interface CommandRelayOptions {
  readonly store: CommandStore;
  readonly log: Log;
  /** The nodes connected to this replica. */
  readonly sessions: ReadonlyMap<string, NodeSession>;
  /** From the order to its last answer. Default 5 s. */
  readonly timeoutMs?: number;
}

/** A node, and the replica that it is connected to. */
export interface CommandTarget {
  readonly nodeId: string;
  readonly replicaId: string;
}

export interface CommandOutcome {
  readonly nodeId: string;
  /** Why it was not done. Empty: it was. */
  readonly reason: string;
  /** Whether the reason is the node's own: false where nobody knows what became of the command. */
  readonly answered: boolean;
  /** What the node was asked for. */
  readonly report?: ServicesReport | undefined;
}

/** Of the time, what is left to bring an answer back. */
const RETURN_MS = 500;
/** Answers are looked for this often when nothing is heard of them. */
const LOOK_EVERY_MS = 500;
const TAKEN_AT_ONCE = 500;

/** Commands to nodes wherever they are connected: to its own nodes directly, to those of other replicas through the database. */
export class CommandRelay {
  readonly #options: CommandRelayOptions;
  readonly #timeoutMs: number;
  readonly #unsubscribe: () => void;
  /** Calls that wait for answers, to be woken. */
  readonly #waiting = new Set<() => void>();
  readonly #answers: CommandAnswer[] = [];
  #heardAtMs = Number.NEGATIVE_INFINITY;
  #taking: 'no' | 'yes' | 'again' = 'no';
  #answering = false;

  constructor(options: CommandRelayOptions) {
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? 5000;
    this.#unsubscribe = options.store.subscribe((notice) => this.#hear(notice));
  }

  /** Takes what waits for a node that has just connected: it may have come from another replica meanwhile. */
  welcome(): void {
    if (performance.now() - this.#heardAtMs < this.#timeoutMs) void this.#take();
  }

  /** Resolves within the timeout, with what became of it at each node. */
  async send(targets: readonly CommandTarget[], command: FleetCommand): Promise<CommandOutcome[]> {
    const { sessions } = this.#options;
    const distant = targets.filter(({ nodeId }) => !sessions.has(nodeId));
    const relayed = distant.length === 0 ? undefined : this.#relay(distant, command);
    const here = targets.map(async ({ nodeId }): Promise<CommandOutcome | undefined> => {
      const session = sessions.get(nodeId);
      if (session === undefined) return undefined;
      const { problem, report } = await carryOut(command, session, this.#timeoutMs);
      return { nodeId, reason: problem, answered: true, report };
    });
    const own = await Promise.all(here);
    const others = await relayed;
    return targets.map(({ nodeId }, i) => own[i] ?? others!.get(nodeId)!);
  }

  close(): void {
    this.#unsubscribe();
  }

  async #relay(targets: readonly CommandTarget[], command: FleetCommand): Promise<Map<string, CommandOutcome>> {
    const { store } = this.#options;
    const endsAtMs = performance.now() + this.#timeoutMs;
    const request = randomUUID();
    const outcomes = new Map<string, CommandOutcome>();
    let failure: string | undefined;
    const attempt = async (ask: () => Promise<void>) => {
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(late.resolve, endsAtMs - performance.now());
      failure = undefined;
      const asked = ask().catch((error: unknown) => {
        failure = error instanceof Error ? error.message : String(error);
      });
      await Promise.race([asked, late.promise]);
      clearTimeout(timer);
    };
    let issued = false;
    await attempt(async () => {
      const nodeIds = targets.map(({ nodeId }) => nodeId);
      await store.issueCommands(request, nodeIds, encodeFleetCommand(command));
      issued = true;
    });
    while (issued && outcomes.size < targets.length && performance.now() < endsAtMs) {
      const woken = this.#nextAnswer(Math.min(LOOK_EVERY_MS, endsAtMs - performance.now()));
      await attempt(async () => {
        for (const { nodeId, error, report } of await store.readCommandAnswers(request)) {
          outcomes.set(nodeId, { nodeId, reason: error, answered: true, report: report && readReport(report) });
        }
      });
      if (outcomes.size < targets.length) await woken;
    }
    for (const { nodeId, replicaId } of targets) {
      if (outcomes.has(nodeId)) continue;
      const silent = failure ?? `no answer within ${this.#timeoutMs} ms`;
      const reason = `it is connected to control plane replica ${replicaId}, which is reached through the database: ${silent}`;
      outcomes.set(nodeId, { nodeId, reason, answered: false });
    }
    return outcomes;
  }

  #nextAnswer(timeoutMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = () => {
      clearTimeout(timer);
      this.#waiting.delete(wake);
      resolve();
    };
    const timer = setTimeout(wake, Math.max(0, timeoutMs));
    this.#waiting.add(wake);
    return promise;
  }

  #hear(notice: Notice | undefined): void {
    if (notice?.kind === 'moved') return;
    if (notice?.kind !== 'issued') for (const wake of [...this.#waiting]) wake();
    if (notice?.kind === 'answered') return;
    this.#heardAtMs = performance.now();
    void this.#take();
  }

  /** One look at a time; what is heard meanwhile leads to another. */
  async #take(): Promise<void> {
    if (this.#taking !== 'no') {
      this.#taking = 'again';
      return;
    }
    const { store, sessions, log } = this.#options;
    let more: boolean;
    do {
      this.#taking = 'yes';
      more = false;
      if (sessions.size === 0) continue;
      try {
        const taken = await store.takeCommands([...sessions.keys()], this.#timeoutMs, TAKEN_AT_ONCE);
        for (const command of taken) void this.#carryOut(command);
        more = taken.length === TAKEN_AT_ONCE;
      } catch (error) {
        log.debug('commands could not be taken', { reason: String(error) });
      }
    } while (more || this.#mustTakeAgain());
    this.#taking = 'no';
  }

  #mustTakeAgain(): boolean {
    return this.#taking === 'again';
  }

  async #carryOut({ id, nodeId, command, ageMs }: TakenCommand): Promise<void> {
    const known = decodeFleetCommand(command);
    const session = this.#options.sessions.get(nodeId);
    const timeoutMs = Math.max(1, this.#timeoutMs - RETURN_MS - ageMs);
    const { problem, report }: CommandReply =
      known === undefined
        ? { problem: 'its control plane replica does not know this command' }
        : session === undefined
          ? { problem: 'it disconnected' }
          : await carryOut(known, session, timeoutMs);
    this.#answers.push({ id, error: problem, report: report && toBinary(ServicesReportSchema, report) });
    void this.#writeAnswers();
  }

  /** Answers that come while others are written go together with the next. Those that cannot be written are missed by who waits. */
  async #writeAnswers(): Promise<void> {
    if (this.#answering) return;
    this.#answering = true;
    const { store, log } = this.#options;
    while (this.#answers.length > 0) {
      const answers = this.#answers.splice(0, TAKEN_AT_ONCE);
      await store
        .answerCommands(answers)
        .catch((error: unknown) => log.debug('commands could not be answered', { reason: String(error) }));
    }
    this.#answering = false;
  }
}

/** Of another replica, which may be of another version. */
function readReport(bytes: Uint8Array): ServicesReport {
  return fromBinary(ServicesReportSchema, bytes);
}
