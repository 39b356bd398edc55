import { isDeepStrictEqual } from 'node:util';
import type { BuiltService } from '@sluice/engine';
import { Turns } from '../turns.ts';
import type { FoundAddress } from './dns-records.ts';
import { type ResolverContext, type ResolverView, ServiceResolver } from './service-resolver.ts';

export interface DnsDiscoveryContext extends Omit<ResolverContext, 'turns'> {
  /** What is active for a service. */
  readonly known: (service: string) => readonly FoundAddress[];
}

/** Lookups under way at once: with a server that says nothing each takes seconds. */
const MAX_LOOKUPS = 64;

/** The services of a node whose endpoints DNS knows: one resolver for each, whatever the routes to it and the revisions. */
export class DnsDiscovery {
  readonly #context: ResolverContext;
  readonly #known: DnsDiscoveryContext['known'];
  readonly #resolvers = new Map<string, ServiceResolver>();

  constructor({ known, ...context }: DnsDiscoveryContext) {
    this.#known = known;
    this.#context = { ...context, turns: new Turns(MAX_LOOKUPS) };
  }

  /** A service became active. */
  put({ name, discovery }: BuiltService): void {
    const resolver = this.#resolvers.get(name);
    if (resolver !== undefined && isDeepStrictEqual(resolver.source, discovery)) return;
    this.remove(name);
    if (discovery?.kind !== 'dns') return;
    this.#resolvers.set(name, new ServiceResolver(this.#context, name, discovery, this.#known(name)));
  }

  /** A service is active no more. */
  remove(name: string): void {
    this.#resolvers.get(name)?.close();
    this.#resolvers.delete(name);
  }

  view(service: string): ResolverView | undefined {
    return this.#resolvers.get(service)?.view();
  }

  /** By service. */
  *views(): Generator<readonly [service: string, view: ResolverView]> {
    for (const [service, resolver] of this.#resolvers) yield [service, resolver.view()];
  }

  close(): void {
    for (const resolver of this.#resolvers.values()) resolver.close();
    this.#resolvers.clear();
  }
}
