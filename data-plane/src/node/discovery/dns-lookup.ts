import { Resolver } from 'node:dns/promises';
import type { DnsSource } from '@sluice/engine';
import {
  type FoundAddress,
  foundAddresses,
  MAX_FOUND,
  nameOf,
  type SrvRecord,
  srvNames,
  type Target,
} from './dns-records.ts';

/** What DNS says of a service, or why it says nothing. */
export type DnsAnswer = FoundAnswer | { readonly failure: string };
export interface FoundAnswer {
  /** At least one. */
  readonly found: readonly FoundAddress[];
  /** How many more there are than a service may have. */
  readonly leftOut: number;
  /** How long all of it is good. */
  readonly ttlMs: number;
}

/** One question to one server; it is asked once more, and the next server too. */
const QUESTION_TIMEOUT_MS = 1_000;
const TRIES = 2;
/** All of a lookup, whatever it leads to. */
const LOOKUP_TIMEOUT_MS = 10_000;
/** Names that are asked for at once. */
const NAMES_AT_ONCE = 16;
/** What records lead to, before what is said twice is merged: an answer may have thousands of records for one name. */
const MAX_TARGETS = 16 * MAX_FOUND;
/** There is no such name, or it has no such records: an answer, if an empty one. */
const EMPTY = new Set(['ENOTFOUND', 'ENODATA']);

const TOO_LATE = { failure: `no answer within ${LOOKUP_TIMEOUT_MS} ms` };

interface Address {
  readonly ip: string;
  readonly ttlMs: number;
}

/**
 * Looks the endpoints of one service up. A truncated answer is asked for again over TCP, and aliases are followed, by the resolver.
 * What one of several questions has no answer to stays as it was last: a name without an answer for its IPv6 addresses keeps them.
 */
export class DnsLookup {
  readonly #source: DnsSource;
  readonly #servers: readonly string[];
  /** By question; of the last lookup alone. */
  #last = new Map<string, readonly Address[]>();

  /** `servers`: none: those of the system. */
  constructor(source: DnsSource, servers: readonly string[]) {
    this.#source = source;
    this.#servers = servers;
  }

  /** Never throws. */
  async run(signal: AbortSignal): Promise<DnsAnswer> {
    const resolver = new Resolver({ timeout: QUESTION_TIMEOUT_MS, tries: TRIES });
    const cancel = (): void => resolver.cancel();
    let isLate = false;
    const late = setTimeout(() => {
      isLate = true;
      cancel();
    }, LOOKUP_TIMEOUT_MS);
    signal.addEventListener('abort', cancel, { once: true });
    try {
      if (this.#servers.length > 0) resolver.setServers(this.#servers);
      const lookup = new OneLookup(resolver, this.#last);
      const answer = await lookup.run(this.#source);
      if ('failure' in answer) return isLate ? TOO_LATE : answer;
      this.#last = lookup.answers;
      return answer;
    } catch (error) {
      return isLate ? TOO_LATE : { failure: reasonOf(error) };
    } finally {
      clearTimeout(late);
      signal.removeEventListener('abort', cancel);
    }
  }
}

class OneLookup {
  readonly answers = new Map<string, readonly Address[]>();
  readonly #resolver: Resolver;
  readonly #before: ReadonlyMap<string, readonly Address[]>;
  #failure = 'ENODATA';
  /** A question had an answer, and not an empty one. */
  #answered = false;
  #ttlMs = Number.POSITIVE_INFINITY;

  constructor(resolver: Resolver, before: ReadonlyMap<string, readonly Address[]>) {
    this.#resolver = resolver;
    this.#before = before;
  }

  async run({ name, port }: DnsSource): Promise<DnsAnswer> {
    const targets = isSrv(name, port)
      ? await this.#srvTargets(await this.#resolver.resolveSrv(name), port)
      : (await this.#addresses(name)).map(({ ip }): Target => ({ ip, port: port as number, priority: 0, weight: 1 }));
    if (!this.#answered) return { failure: this.#failure };
    return { ...foundAddresses(targets), ttlMs: this.#ttlMs };
  }

  async #srvTargets(records: readonly SrvRecord[], port: number | undefined): Promise<Target[]> {
    const names = srvNames(records);
    const addresses = new Map<string, readonly Address[]>();
    let count = 0;
    // The first priorities are asked for first, so that what is left out is what would be used last.
    for (let at = 0; at < names.length && count <= MAX_FOUND; at += NAMES_AT_ONCE) {
      const some = names.slice(at, at + NAMES_AT_ONCE);
      const found = await Promise.all(some.map((name) => this.#addresses(name)));
      some.forEach((name, index) => {
        addresses.set(name, found[index] as readonly Address[]);
        count += found[index]?.length ?? 0;
      });
    }
    const targets: Target[] = [];
    for (const record of [...records].sort((a, b) => a.priority - b.priority)) {
      if (targets.length > MAX_TARGETS) break;
      for (const { ip } of addresses.get(nameOf(record)) ?? []) {
        targets.push({
          ip,
          port: port ?? record.port,
          priority: record.priority,
          weight: record.weight,
        });
      }
    }
    return targets;
  }

  async #addresses(name: string): Promise<readonly Address[]> {
    const both = await Promise.all([this.#ask(name, 'A'), this.#ask(name, 'AAAA')]);
    return both.flat();
  }

  async #ask(name: string, type: 'A' | 'AAAA'): Promise<readonly Address[]> {
    const question = `${type} ${name}`;
    let addresses: readonly Address[];
    try {
      const options = { ttl: true } as const;
      const records =
        type === 'A' ? await this.#resolver.resolve4(name, options) : await this.#resolver.resolve6(name, options);
      addresses = records.map(({ address, ttl }) => ({ ip: address, ttlMs: ttl * 1000 }));
      // An alias that leads nowhere is an answer without addresses, and no error.
      if (addresses.length > 0) this.#answered = true;
    } catch (error) {
      const reason = reasonOf(error);
      if (EMPTY.has(this.#failure)) this.#failure = reason;
      addresses = EMPTY.has(reason) ? [] : (this.#before.get(question) ?? []);
    }
    this.answers.set(question, addresses);
    for (const { ttlMs } of addresses) this.#ttlMs = Math.min(this.#ttlMs, ttlMs);
    return addresses;
  }
}

function isSrv(name: string, port: number | undefined): boolean {
  return port === undefined || name.startsWith('_');
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return (error as NodeJS.ErrnoException).code ?? error.message;
}
