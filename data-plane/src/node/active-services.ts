import { create, toBinary } from '@bufbuild/protobuf';
import {
  type ActiveItem,
  type BuiltFoundEndpoints,
  type BuiltInstance,
  type BuiltService,
  buildFoundEndpoints,
  FOUND_ENDPOINTS_KIND,
  FoundServices,
} from '@sluice/engine';
import { type FoundEndpoints, FoundEndpointsSchema } from '@sluice/proto';
import type { FoundAddress } from './discovery/dns-records.ts';
import type { SlotLedger } from './slot-ledger.ts';

/** What was found for a service, ready to be made active. */
export interface PreparedFound {
  readonly set: FoundEndpoints;
  readonly item: ActiveItem;
  readonly built: BuiltFoundEndpoints;
}

/** The services that are active, with the endpoints that they have now, wherever those are from. */
export class ActiveServices {
  readonly #table = new FoundServices();
  readonly #ledger: SlotLedger;
  readonly #found = new Map<string, PreparedFound>();

  constructor(ledger: SlotLedger) {
    this.#ledger = ledger;
  }

  *all(): Generator<BuiltService> {
    for (const name of this.#table.names()) yield this.get(name) as BuiltService;
  }

  /** With its endpoints; what balances them by a hash is for workers alone. */
  get(name: string): BuiltService | undefined {
    const built = this.#table.built(name);
    if (built?.discovery === undefined) return built;
    return { ...built, plan: { ...built.plan, endpoints: this.#table.endpointsOf(name) } };
  }

  isFoundByDns(name: string): boolean {
    return this.#table.built(name)?.discovery?.kind === 'dns';
  }

  put(service: BuiltService): void {
    this.#table.put(service);
    if (service.discovery?.kind !== 'dns') this.#forgetFound(service.name, service);
  }

  remove(name: string): void {
    this.#table.remove(name);
    this.#forgetFound(name, undefined);
  }

  prepare(set: FoundEndpoints): PreparedFound {
    const content = toBinary(FoundEndpointsSchema, set);
    const item: ActiveItem = { kind: FOUND_ENDPOINTS_KIND, name: set.service, content, unavailable: undefined };
    return { set, item, built: buildFoundEndpoints(set.service, content, this.#ledger) };
  }

  /** It is active. */
  putFound(prepared: PreparedFound): void {
    const { name } = prepared.built;
    const before = this.#found.get(name);
    if (before !== undefined) this.#ledger.release(before.built, prepared.built);
    this.#found.set(name, prepared);
    this.#table.putFound(prepared.built);
  }

  putInstance(instance: BuiltInstance): void {
    this.#table.putInstance(instance);
  }

  /** The service that it was of. */
  removeInstance(name: string): string | undefined {
    return this.#table.removeInstance(name);
  }

  /** The slots of a service's endpoints are in use, whatever had them before: the configuration, DNS or the registry. */
  keepSlots(name: string): void {
    for (const { address } of this.#table.endpointsOf(name)) this.#ledger.keepEndpoint(name, address);
  }

  /** It cannot be made active. */
  abandon({ built }: PreparedFound): void {
    this.#ledger.release(built, this.#found.get(built.name)?.built);
  }

  /** What was found last, for the cache. */
  found(): FoundEndpoints[] {
    return [...this.#found.values()].map(({ set }) => set);
  }

  foundItems(): ActiveItem[] {
    return [...this.#found.values()].map(({ item }) => item);
  }

  /** What is known of a service already. */
  known(service: string): readonly FoundAddress[] {
    const endpoints = this.#found.get(service)?.set.endpoints ?? [];
    return endpoints.map(({ address, weight, priority }) => ({ address, weight, priority }));
  }

  #forgetFound(name: string, after: BuiltService | undefined): void {
    const found = this.#found.get(name);
    if (found === undefined) return;
    this.#found.delete(name);
    this.#ledger.release(found.built, after);
  }
}

export function foundEndpoints(service: string, found: readonly FoundAddress[]): FoundEndpoints {
  const endpoints = found.map(({ address, weight, priority }) => ({ address, weight, priority }));
  return create(FoundEndpointsSchema, { service, endpoints });
}
