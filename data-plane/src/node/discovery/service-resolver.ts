import { isDeepStrictEqual } from 'node:util';
import type { DnsSource, Log } from '@sluice/engine';
import type { Turns } from '../turns.ts';
import { type DnsAnswer, DnsLookup, type FoundAnswer } from './dns-lookup.ts';
import type { FoundAddress } from './dns-records.ts';
import { nextLookupMs } from './lookup-pace.ts';

export interface ResolverContext {
  readonly log: Log;
  /** `ADDRESS:PORT`, or none: those of the system. */
  readonly servers: readonly string[];
  /** Lookups under way at once. */
  readonly turns: Turns;
  /** Makes what was found active in all workers. False: it is not. */
  readonly activate: (service: string, found: readonly FoundAddress[]) => Promise<boolean>;
}

/** How one service's lookups go. */
export interface ResolverView {
  readonly source: DnsSource;
  readonly answered: number;
  readonly failed: number;
  /** Of the last lookup, where it failed. */
  readonly failure: string | undefined;
  /** When an answer was last made active, in milliseconds of the wall clock. Undefined: never in this process. */
  readonly answeredAtMs: number | undefined;
  /** How many more were found last than a service may have. */
  readonly leftOut: number;
}

/** Keeps the endpoints of one service: those found last stay, however long there is no answer. At most one lookup is under way. */
export class ServiceResolver {
  readonly #context: ResolverContext;
  readonly #service: string;
  readonly #source: DnsSource;
  readonly #lookup: DnsLookup;
  readonly #ending = new AbortController();
  #known: readonly FoundAddress[];
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #answered = 0;
  #failed = 0;
  #failure: string | undefined;
  #answeredAtMs: number | undefined;
  #leftOut = 0;

  /** `known`: what is active already. */
  constructor(context: ResolverContext, service: string, source: DnsSource, known: readonly FoundAddress[]) {
    this.#context = context;
    this.#service = service;
    this.#source = source;
    this.#known = known;
    this.#lookup = new DnsLookup(source, context.servers);
    void this.#turn();
  }

  get source(): DnsSource {
    return this.#source;
  }

  view(): ResolverView {
    return {
      source: this.#source,
      answered: this.#answered,
      failed: this.#failed,
      failure: this.#failure,
      answeredAtMs: this.#answeredAtMs,
      leftOut: this.#leftOut,
    };
  }

  close(): void {
    this.#ending.abort();
    clearTimeout(this.#timer);
  }

  async #turn(): Promise<void> {
    const ttlMs = await this.#context.turns.run(() => this.#refresh());
    if (this.#ending.signal.aborted) return;
    const inMs = nextLookupMs(this.#source.refreshMs, ttlMs, this.#failures, Math.random);
    this.#timer = setTimeout(() => void this.#turn(), inMs).unref();
  }

  /** How long the answer is good; 0 where there is none. */
  async #refresh(): Promise<number> {
    const { signal } = this.#ending;
    if (signal.aborted) return 0;
    const answer = await this.#lookup.run(signal);
    if (signal.aborted) return 0;
    this.#report(answer);
    if ('failure' in answer) return 0;
    if (!isDeepStrictEqual(answer.found, this.#known) && (await this.#activate(answer.found)))
      this.#known = answer.found;
    this.#answered++;
    this.#answeredAtMs = Date.now();
    return answer.ttlMs;
  }

  /** Where they cannot be, by a bug of ours or for want of memory, those before stay, and it is tried again. */
  async #activate(found: readonly FoundAddress[]): Promise<boolean> {
    const { activate, log } = this.#context;
    try {
      return await activate(this.#service, found);
    } catch (error) {
      log.error('the endpoints of a service cannot be made active', { service: this.#service, error: String(error) });
      return false;
    }
  }

  #report(answer: DnsAnswer): void {
    const { log } = this.#context;
    const names = { service: this.#service, name: this.#source.name };
    this.#failure = 'failure' in answer ? answer.failure : undefined;
    if ('failure' in answer) {
      this.#failed++;
      // One line for each turn of fortune, not for each try.
      if (this.#failures++ > 0) return;
      const message = this.#known.length === 0 ? 'it has none' : 'those found last stay';
      log.warn(`the endpoints of a service are not found; ${message}`, { ...names, reason: answer.failure });
      return;
    }
    if (this.#failures > 0) log.info('the endpoints of a service are found again', names);
    this.#failures = 0;
    this.#reportLeftOut(answer, names);
  }

  #reportLeftOut({ leftOut }: FoundAnswer, names: { readonly service: string; readonly name: string }): void {
    if (leftOut > 0 && this.#leftOut === 0)
      this.#context.log.warn('a service has more endpoints than are used', { ...names, leftOut });
    this.#leftOut = leftOut;
  }
}
