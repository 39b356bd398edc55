import type { KeySetSource, Log } from '@sluice/engine';
import { type FetchedDocument, fetchKeySet } from './fetch-key-set.ts';
import { RefetchPace } from './refetch-pace.ts';

export interface RefresherContext {
  readonly log: Log;
  /** Makes an issuer's key set active in all workers. */
  readonly activate: (issuer: string, url: string, document: string) => Promise<void>;
  /** Tells all workers that what can be known of an issuer's keys is known, and how soon it is worth asking again. */
  readonly settled: (issuer: string, againInMs: number) => void;
}

/** Refreshes differ by a tenth, so that nodes that were started together do not ask together. */
const JITTER = 0.1;
/** While the issuer is away it is asked after this, then after twice this, and so on up to a minute. */
const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 60_000;

/** Keeps one issuer's key set: the last good one stays, however long the issuer is away or answers nonsense. At most one fetch is under way. */
export class KeySetRefresher {
  readonly #context: RefresherContext;
  readonly #issuer: string;
  readonly #source: KeySetSource;
  readonly #pace = new RefetchPace();
  readonly #ending = new AbortController();
  #known: string | undefined;
  /** A fetch is under way, or about to be. */
  #running = false;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;

  /** `known`: what is active already. */
  constructor(context: RefresherContext, issuer: string, source: KeySetSource, known: string | undefined) {
    this.#context = context;
    this.#issuer = issuer;
    this.#source = source;
    this.#known = known;
    void this.#refresh();
  }

  get source(): KeySetSource {
    return this.#source;
  }

  /** A token names a key that is not known. Answered by `settled`. */
  wanted(): void {
    if (this.#running) return;
    const nowMs = performance.now();
    const inMs = this.#pace.take(nowMs);
    if (inMs === undefined) this.#context.settled(this.#issuer, this.#pace.againInMs(nowMs));
    else {
      this.#running = true;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void this.#refresh(), inMs);
    }
  }

  close(): void {
    this.#ending.abort();
    clearTimeout(this.#timer);
  }

  async #refresh(): Promise<void> {
    const { settled } = this.#context;
    clearTimeout(this.#timer);
    this.#running = true;
    const fetched = await fetchKeySet(this.#source.url, this.#ending.signal);
    if (this.#ending.signal.aborted) return;
    this.#report(fetched);
    if ('document' in fetched && fetched.document !== this.#known) await this.#activate(fetched.document);
    if (this.#ending.signal.aborted) return;
    this.#running = false;
    const nowMs = performance.now();
    this.#pace.fetched(nowMs);
    this.#timer = setTimeout(() => void this.#refresh(), this.#nextInMs()).unref();
    settled(this.#issuer, this.#pace.againInMs(nowMs));
  }

  /** Where it cannot be, by a bug of ours or for want of memory, those before stay, and it is tried again. */
  async #activate(document: string): Promise<void> {
    const { activate, log } = this.#context;
    try {
      await activate(this.#issuer, this.#source.url, document);
      this.#known = document;
    } catch (error) {
      this.#failures++;
      log.error('the keys of an issuer cannot be made active', { issuer: this.#issuer, error: String(error) });
    }
  }

  #nextInMs(): number {
    const { refreshMs } = this.#source;
    const retryMs = Math.min(FIRST_RETRY_MS * 2 ** Math.min(this.#failures - 1, 10), MAX_RETRY_MS);
    const ms = this.#failures === 0 ? refreshMs : Math.min(retryMs, refreshMs);
    return ms * (1 + JITTER * (Math.random() * 2 - 1));
  }

  /** One line for each turn of fortune, not for each try. */
  #report(fetched: FetchedDocument): void {
    const { log } = this.#context;
    const names = { issuer: this.#issuer, url: this.#source.url };
    if ('failure' in fetched) {
      if (this.#failures++ > 0) return;
      const message = this.#known === undefined ? 'none of its tokens is accepted' : 'those fetched last stay';
      log.warn(`the keys of an issuer cannot be fetched; ${message}`, { ...names, reason: fetched.failure });
      return;
    }
    if (this.#failures > 0) log.info('the keys of an issuer can be fetched again', names);
    this.#failures = 0;
    if (fetched.document === this.#known) return;
    if (fetched.problems.length > 0)
      log.warn('some keys of an issuer are not used', { ...names, reason: fetched.problems.join('; ').slice(0, 1024) });
    log.info('the keys of an issuer are new', names);
  }
}
