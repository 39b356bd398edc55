import type {
  KeepCall,
  RecalledReply,
  SharedCacheCall,
  SharedCacheCells,
  SharedCacheReply,
} from '../../shared/index.ts';
import type { Exchange } from '../exchange.ts';

/** Requests of one worker that may wait for the store at a time. */
const MAX_ASKING = 256;
/** What of one worker may be on its way into the store. */
const MAX_KEEPING_BYTES = 8 * 1024 * 1024;
/** Cells that are told at a time. */
const MAX_FORGETTING = 1024;

/** Sends a call to the main thread. `bytes` go there, and are nobody's here any longer. */
export type PostSharedCache = (call: SharedCacheCall, bytes?: ArrayBuffer) => void;

/** What one worker has asked of the cache that nodes share: a bounded number of questions, and of bytes. */
export class SharedCacheCalls {
  readonly #cells: SharedCacheCells;
  readonly #post: PostSharedCache | undefined;
  readonly #asking = new Map<number, Exchange>();
  readonly #keeping = new Map<number, number>();
  readonly #forgets = new Set<number>();
  #keepingBytes = 0;
  #isForgetting = false;
  #id = 0;

  /** `post` undefined: there is nobody to ask. */
  constructor(cells: SharedCacheCells, post: PostSharedCache | undefined) {
    this.#cells = cells;
    this.#post = post;
  }

  /** The number of the question; -1: it cannot be asked now. */
  ask(x: Exchange, key: string, cells: readonly number[], mostBytes: number): number {
    if (this.#post === undefined || !this.#cells.answers || this.#asking.size >= MAX_ASKING) return -1;
    const id = ++this.#id;
    this.#asking.set(id, x);
    this.#post({ type: 'recall', id, key, cells, mostBytes });
    return id;
  }

  /** Nobody waits for the answer any longer. */
  drop(id: number): void {
    this.#asking.delete(id);
  }

  /** False: there is no room. */
  keep(call: Omit<KeepCall, 'type' | 'id'>): boolean {
    const { length } = call.bytes;
    if (this.#post === undefined || this.#keepingBytes + length > MAX_KEEPING_BYTES) return false;
    const id = ++this.#id;
    this.#keeping.set(id, length);
    this.#keepingBytes += length;
    this.#post({ type: 'keep', id, ...call }, call.bytes.buffer);
    return true;
  }

  /** All nodes are to forget it. This one does at once, the others when the store was told. */
  forget(cell: number): void {
    if (!this.#cells.exists) return;
    this.#cells.forget(cell);
    this.#forgets.add(cell);
    this.#tellForgets();
  }

  damaged(key: string): void {
    this.#post?.({ type: 'damaged', key });
  }

  onReply(reply: SharedCacheReply): void {
    switch (reply.type) {
      case 'recalled':
        this.#onRecalled(reply);
        break;
      case 'kept':
        this.#keepingBytes -= this.#keeping.get(reply.id) ?? 0;
        this.#keeping.delete(reply.id);
        break;
      case 'forgetting':
        this.#isForgetting = false;
        this.#tellForgets();
        break;
      default:
        reply satisfies never;
    }
  }

  #onRecalled(reply: RecalledReply): void {
    const x = this.#asking.get(reply.id);
    this.#asking.delete(reply.id);
    if (x !== undefined && x.state === 'recalling' && x.cache?.recallId === reply.id) x.onRecalled(reply);
  }

  /** One message at a time: what comes meanwhile is in the next. */
  #tellForgets(): void {
    if (this.#isForgetting || this.#forgets.size === 0) return;
    const cells = [...this.#forgets.values().take(MAX_FORGETTING)];
    for (const cell of cells) this.#forgets.delete(cell);
    this.#isForgetting = true;
    this.#post?.({ type: 'forget', cells });
  }
}
