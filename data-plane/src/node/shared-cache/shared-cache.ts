import type { Log } from '@sluice/engine';
import {
  type KeepCall,
  type RecallCall,
  type Shared,
  type SharedCacheCall,
  type SharedCacheCells,
  sharedCacheCell,
} from '../../shared/index.ts';
import type { AnswerSharedCache } from '../workers/supervisor.ts';
import type { AnswerStore, Recalled } from './answer-store.ts';
import { Circuit } from './circuit.ts';

/** As long as a request waits for an answer. */
const LATE_MS = 50;
/** What answers on their way from the store may be together. */
const MAX_RECALLED_BYTES = 64 * 1024 * 1024;
const TICK_MS = 100;
/** How long a purge waits for the store to be told. */
const PURGE_MS = 2000;
const DAMAGED_EVERY_MS = 10_000;
/** Cells that the store is told of at a time. */
const MAX_FORGETTING = 1024;

/** What became of questions, and of answers that were to be kept. */
export const recallResults = ['hit', 'miss', 'late', 'away', 'busy', 'failed', 'damaged'] as const;
export const keepResults = ['kept', 'forgotten', 'away', 'failed'] as const;
type RecallResult = (typeof recallResults)[number];
type KeepResult = (typeof keepResults)[number];

/**
 * The cache that nodes share, in the main thread, which has the connection. Whatever the store does, a worker has its reply in time; and
 * nothing that this node made invalid is taken from the store before the store was told.
 */
export class SharedCache {
  readonly recalls: Record<RecallResult, number> = {
    hit: 0,
    miss: 0,
    late: 0,
    away: 0,
    busy: 0,
    failed: 0,
    damaged: 0,
  };
  readonly keeps: Record<KeepResult, number> = { kept: 0, forgotten: 0, away: 0, failed: 0 };
  readonly #store: AnswerStore;
  readonly #cells: SharedCacheCells;
  readonly #nowMs: () => number;
  readonly #log: Log;
  readonly #lateMs: number;
  readonly #circuit = new Circuit();
  readonly #ticking: NodeJS.Timeout;
  #recalledBytes = 0;
  #isTrying = false;
  /** Some cell may be left that the store was not told of. */
  #mayRemember = false;
  #isTelling = false;
  #damagedToldMs = Number.NEGATIVE_INFINITY;

  /** `lateMs`: what is no answer in time; for tests on machines that stand still. */
  constructor(
    { sharedCache, clock }: Pick<Shared, 'sharedCache' | 'clock'>,
    store: AnswerStore,
    log: Log,
    lateMs: number = LATE_MS,
  ) {
    this.#lateMs = lateMs;
    this.#store = store;
    this.#cells = sharedCache;
    this.#nowMs = () => clock.nowMs();
    this.#log = log;
    sharedCache.setAnswers(false);
    store.onChange = () => this.#onChange();
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
    this.#onChange();
  }

  /** It answers. */
  get up(): boolean {
    return this.#store.isConnected && this.#circuit.isClosed;
  }

  close(): void {
    clearInterval(this.#ticking);
    this.#store.onChange = () => undefined;
    this.#store.close();
    this.#cells.setAnswers(false);
  }

  onCall(call: SharedCacheCall, answer: AnswerSharedCache): void {
    switch (call.type) {
      case 'recall':
        void this.#recall(call, answer);
        break;
      case 'keep':
        void this.#keep(call, answer);
        break;
      case 'forget':
        answer({ type: 'forgetting' });
        void this.#tell(call.cells);
        break;
      case 'damaged':
        this.recalls.damaged++;
        this.#tellDamaged();
        void this.#store.remove(call.key).catch(() => undefined);
        break;
      default:
        call satisfies never;
    }
  }

  /** A worker has ended, perhaps before it said what is to be forgotten. */
  onWorkerEnded(): void {
    this.#mayRemember = true;
  }

  /** Nothing of it that was fetched before comes from the store any longer. False: the store was not told yet, for other nodes. */
  async purge(kind: 'route' | 'tag', name: string): Promise<boolean> {
    const cell = sharedCacheCell(kind, name);
    this.#cells.forget(cell);
    const late = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => late.resolve(false), PURGE_MS);
    const isTold = await Promise.race([this.#tell([cell]), late.promise]);
    clearTimeout(timer);
    return isTold;
  }

  async #recall(call: RecallCall, answer: AnswerSharedCache): Promise<void> {
    const { id, key, cells, mostBytes } = call;
    const nothing = (result: RecallResult): void => {
      this.recalls[result]++;
      answer({ type: 'recalled', id, epoch: '', storeMs: 0, bytes: undefined });
    };
    if (!this.up) return nothing('away');
    if (this.#recalledBytes + mostBytes > MAX_RECALLED_BYTES) return nothing('busy');
    this.#recalledBytes += mostBytes;
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      nothing('late');
      this.#failed();
    }, this.#lateMs);
    try {
      // In this order on one connection: what was to be forgotten is, before it is looked for.
      const untold = cells.filter((cell) => !this.#cells.isForgotten(cell));
      const [isTold, recalled] = await Promise.all([this.#tell(untold), this.#store.recall(key, cells, mostBytes)]);
      if (isLate) return;
      this.#circuit.answered();
      if (isTold) this.#answer(call, recalled, answer);
      else nothing('failed');
    } catch (error) {
      if (isLate) return;
      this.#log.debug('no answer of the shared cache', { error: String(error) });
      nothing('failed');
      this.#failed();
    } finally {
      clearTimeout(timer);
      this.#recalledBytes -= mostBytes;
    }
  }

  #answer({ id }: RecallCall, { epoch, bytes, storeMs, wasDamaged }: Recalled, answer: AnswerSharedCache): void {
    if (wasDamaged) this.#tellDamaged();
    this.recalls[bytes !== undefined ? 'hit' : wasDamaged ? 'damaged' : 'miss']++;
    answer({ type: 'recalled', id, epoch, storeMs, bytes }, bytes?.buffer);
  }

  async #keep(call: KeepCall, answer: AnswerSharedCache): Promise<void> {
    let result: KeepResult = 'away';
    try {
      if (!this.up) return;
      result = 'forgotten';
      if (!call.cells.every((cell) => this.#cells.isForgotten(cell))) return;
      result = 'failed';
      if (await this.#store.keep(call)) result = 'kept';
      else result = 'forgotten';
    } catch (error) {
      this.#log.debug('the shared cache does not keep an answer', { error: String(error) });
    } finally {
      this.keeps[result]++;
      answer({ type: 'kept', id: call.id });
    }
  }

  /** True: the store has forgotten these cells as often as was wanted when it was asked to. */
  async #tell(cells: readonly number[]): Promise<boolean> {
    if (cells.length === 0) return true;
    const wanted = cells.map((cell) => this.#cells.wanted(cell));
    try {
      await this.#store.forget(cells);
    } catch {
      this.#mayRemember = true;
      return false;
    }
    for (const [i, cell] of cells.entries()) this.#cells.forgotten(cell, wanted[i]!);
    return true;
  }

  /** Tells the store what it was not told while it was away. */
  async #tellAll(): Promise<void> {
    this.#isTelling = true;
    this.#mayRemember = false;
    const cells = [...this.#cells.remembered()];
    for (let at = 0; at < cells.length; at += MAX_FORGETTING) {
      if (!(await this.#tell(cells.slice(at, at + MAX_FORGETTING)))) break;
    }
    this.#isTelling = false;
  }

  #failed(): void {
    if (this.#circuit.failed(this.#nowMs())) this.#show();
  }

  #onChange(): void {
    if (!this.#store.isConnected) {
      if (this.#circuit.isClosed) this.#circuit.open(this.#nowMs());
      this.#show();
      return;
    }
    this.#mayRemember = true;
    void this.#try();
  }

  #tick(): void {
    if (!this.#store.isConnected) return;
    if (this.#circuit.isDue(this.#nowMs())) void this.#try();
    if (this.up && this.#mayRemember && !this.#isTelling) void this.#tellAll();
  }

  /** Whether it answers in time, without anybody waiting for it. */
  async #try(): Promise<void> {
    if (this.#isTrying) return;
    this.#isTrying = true;
    const sinceMs = this.#nowMs();
    const isThere = await this.#store.ping().then(
      () => true,
      () => false,
    );
    this.#isTrying = false;
    const nowMs = this.#nowMs();
    if (isThere && nowMs - sinceMs <= this.#lateMs) this.#circuit.close(nowMs);
    else this.#circuit.open(nowMs);
    this.#show();
  }

  /** Now and then: there may be many. */
  #tellDamaged(): void {
    const nowMs = this.#nowMs();
    if (nowMs < this.#damagedToldMs + DAMAGED_EVERY_MS) return;
    this.#damagedToldMs = nowMs;
    this.#log.warn('answers in the shared cache are damaged, and removed where they are found');
  }

  #show(): void {
    if (this.#cells.answers === this.up) return;
    this.#cells.setAnswers(this.up);
    if (this.up) this.#log.info('the shared cache answers');
    else this.#log.warn('the shared cache is away: each node has its own answers alone');
  }
}
