import type { ConfigIndexOptions } from '@sluice/engine';
import { StoreUnavailable } from '../store/failure.ts';
import type { Notice, RevisionWithVersions, Store, StoreHead } from '../store/store.ts';
import { ConfigTrack } from './config-track.ts';
import { FactTrack } from './fact-track.ts';
import { Mutex } from './mutex.ts';
import { type Ask, followRecord, followTrack, loadTrack } from './read-track.ts';
import { SealedSecrets } from './sealed-secrets.ts';
import type { Track } from './track.ts';

export interface ControlStateOptions {
  readonly store: Store;
  /** What is checked against; the engine's own table unless given. */
  readonly index?: ConfigIndexOptions;
  /** How often the database is asked when nothing is heard of it. Default 2 s; four times as often while it is away. */
  readonly pollIntervalMs?: number;
  readonly now?: () => Date;
  /** Told what went wrong between state and database, and that it is over. Default: nobody. */
  readonly report?: (event: StateEvent) => void;
}

export type StateEvent =
  | { readonly kind: 'databaseLost'; readonly message: string }
  | { readonly kind: 'databaseBack' }
  | { readonly kind: 'historyChanged'; readonly from: string; readonly to: string }
  /** What is stored cannot be followed. What is in memory goes on being served, and nothing can be written. */
  | { readonly kind: 'faulty'; readonly message: string };

/**
 * What this replica knows of config and facts, and how it keeps up with the database: woken by the store, by a slow poll, and by its own
 * writes. While the database is away it goes on with what it has. Within a history it never goes backwards.
 */
export class ControlState {
  readonly store: Store;
  readonly config: ConfigTrack;
  readonly facts: FactTrack;
  /** Of the current config. */
  readonly secrets: SealedSecrets;
  /** Resolves when everything was read once; rejects where what is stored cannot be read. While the database is away it waits. */
  readonly ready: Promise<void>;
  readonly #now: () => Date;
  readonly #report: (event: StateEvent) => void;
  readonly #pollIntervalMs: number;
  readonly #ask: Ask = (question) => this.ask(question);
  readonly #mutex = new Mutex();
  readonly #unsubscribe: () => void;
  #historyId = '';
  #databaseUp = true;
  #fault: string | undefined;
  #wake: (() => void) | undefined;
  #woken = false;
  #mustLook = false;
  readonly #heard = { config: 0, facts: 0 };
  #closed = false;

  constructor(options: ControlStateOptions) {
    const { store, index = {}, pollIntervalMs = 2000, now = () => new Date(), report = () => undefined } = options;
    this.store = store;
    this.#now = now;
    this.#report = report;
    this.#pollIntervalMs = pollIntervalMs;
    this.secrets = new SealedSecrets((ref) => this.ask((each) => each.readSecret(ref)));
    this.config = new ConfigTrack({ name: 'config', store, now: now(), index, secrets: this.secrets });
    this.facts = new FactTrack({ name: 'facts', store, now: now() });
    this.#unsubscribe = store.subscribe((notice) => this.#wakeUp(notice));
    this.ready = this.#loadFirst();
    this.ready.then(
      () => void this.#follow(),
      () => undefined,
    );
  }

  get historyId(): string {
    return this.#historyId;
  }

  /** Whether the database answered when it was asked last. */
  get databaseUp(): boolean {
    return this.#databaseUp;
  }

  /** Why nothing can be written though the database answers. Undefined: it can. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** Reads the database now. Rejects with StoreUnavailable while it is away. */
  refresh(): Promise<void> {
    return this.#mutex.run(() => this.catchUp());
  }

  /** Runs alone: nothing else changes this state meanwhile. Only inside may `catchUp` and the tracks' own changes be called. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    return this.#mutex.run(work);
  }

  /** Reads what is new. Only inside `exclusive`. */
  async catchUp(): Promise<void> {
    this.#mustLook = false;
    const head = await this.ask((store) => store.head());
    if (head.historyId !== this.#historyId) return this.#changeHistory(head);
    if (this.#findLoss(head)) return;
    const faults = [await this.#catchUpTrack(this.config, head), await this.#catchUpTrack(this.facts, head)];
    this.#blame(faults.find((fault) => fault !== undefined));
  }

  /** Why it could not be done, where that is not that the database is away. */
  async #catchUpTrack(track: Track, head: StoreHead): Promise<string | undefined> {
    const before = track.revision;
    try {
      await followTrack(track, head[track.name], this.#ask);
      return undefined;
    } catch (error) {
      if (error instanceof StoreUnavailable) throw error;
      if (this.#fault === undefined && (await this.#reload(track, head))) return undefined;
      return `what is stored cannot be followed: ${error instanceof Error ? error.message : String(error)}`;
    } finally {
      if (track.revision !== before) track.tell();
    }
  }

  /** Takes revisions that were read with something else, as far as they follow on each other. Only inside `exclusive`. */
  async takeMissed(track: Track, missed: readonly RevisionWithVersions[]): Promise<void> {
    const before = track.revision;
    try {
      for (const record of missed) {
        if (record.revision === track.revision + 1) await followRecord(track, record);
      }
    } finally {
      if (track.revision !== before) track.tell();
    }
  }

  /** Asks the store, keeping track of whether the database is there. */
  async ask<T>(question: (store: Store) => Promise<T>): Promise<T> {
    try {
      const answer = await question(this.store);
      if (!this.#databaseUp) {
        this.#databaseUp = true;
        this.#report({ kind: 'databaseBack' });
      }
      return answer;
    } catch (error) {
      if (error instanceof StoreUnavailable && this.#databaseUp && !this.#closed) {
        this.#databaseUp = false;
        this.#report({ kind: 'databaseLost', message: error.message });
      }
      throw error;
    }
  }

  /** Stops following. The store stays open. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#unsubscribe();
    this.#wakeUp();
    await this.#mutex.run(async () => undefined);
  }

  /** A replica hears of its own writes too: those cost no look at the database. */
  #wakeUp(notice?: Notice): void {
    if (notice === undefined) this.#mustLook = true;
    else if (notice.kind === 'moved') {
      this.#heard[notice.track] = Math.max(this.#heard[notice.track], notice.revision);
    } else return;
    this.#woken = true;
    this.#wake?.();
  }

  #isCurrent(): boolean {
    const { config, facts } = this;
    return !this.#mustLook && this.#heard.config <= config.revision && this.#heard.facts <= facts.revision;
  }

  async #loadFirst(): Promise<void> {
    while (!this.#closed) {
      try {
        await this.#mutex.run(() => this.catchUp());
        if (this.#fault !== undefined) throw new Error(this.#fault);
        return;
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) throw error;
        await this.#pause();
      }
    }
  }

  /** Failures are reported where they happen; the next turn tries again. */
  async #follow(): Promise<void> {
    while (!this.#closed) {
      await this.#pause();
      if (this.#closed) return;
      await this.#mutex.run(async () => (this.#isCurrent() ? undefined : this.catchUp())).catch(() => undefined);
    }
  }

  /** Until woken, or until it is time to look anyway. */
  async #pause(): Promise<void> {
    const intervalMs = this.#databaseUp ? this.#pollIntervalMs : this.#pollIntervalMs / 4;
    if (!this.#woken || !this.#databaseUp) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => {
          this.#mustLook = true;
          resolve();
        }, intervalMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
        if (this.#closed) this.#wake();
      });
    }
    this.#wake = undefined;
    this.#woken = false;
  }

  /** A database that lost what it had acknowledged: going back to it would undo what nodes run. */
  #findLoss(head: StoreHead): boolean {
    const lost = [this.config, this.facts].find((track) => head[track.name] < track.revision);
    if (lost === undefined) return false;
    this.#blame(
      `the database is at ${lost.name} revision ${head[lost.name]} and this replica has seen ${lost.revision}; after a restore, start with --new-history`,
    );
    return true;
  }

  async #changeHistory(head: StoreHead): Promise<void> {
    const config = await this.#load(this.config, head);
    const facts = await this.#load(this.facts, head);
    this.config.replace(config);
    this.facts.replace(facts);
    const from = this.#historyId;
    this.#historyId = head.historyId;
    this.#fault = undefined;
    if (from !== '') this.#report({ kind: 'historyChanged', from, to: head.historyId });
    this.config.tell();
    this.facts.tell();
  }

  /** What is in memory does not lead to what is stored: reads it anew. Says whether that helped. */
  async #reload(track: Track, head: StoreHead): Promise<boolean> {
    try {
      track.replace(await this.#load(track, head));
      return true;
    } catch (error) {
      if (error instanceof StoreUnavailable) throw error;
      return false;
    }
  }

  #blame(message: string | undefined): void {
    if (message !== undefined && this.#fault !== message) this.#report({ kind: 'faulty', message });
    this.#fault = message;
  }

  #load<T extends Track>(track: T, head: StoreHead): Promise<T> {
    return loadTrack(track, head[track.name], this.#ask, this.#now());
  }
}
