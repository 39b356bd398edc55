import type { BucketPlan, BuiltItem, SlotSource } from '@sluice/engine';
import type { SlotDirectory, SlotKind, Slots } from '../shared/index.ts';
import type { SlotAssignment, SlotAssignments } from '../worker/packed-change.ts';

type Named = Extract<SlotKind, keyof SlotAssignments>;

/** Hands out slots while items are built, and remembers which the workers have not been told. */
export class SlotLedger implements SlotSource {
  readonly #directory: SlotDirectory;
  readonly #untold = {
    routes: new Map<string, number>(),
    services: new Map<string, number>(),
    endpoints: new Map<string, number>(),
    limits: new Map<string, number>(),
    policies: new Map<string, number>(),
  };

  constructor(directory: SlotDirectory) {
    this.#directory = directory;
  }

  route(name: string): number {
    return this.#assign('routes', name);
  }

  service(name: string): number {
    return this.#assign('services', name);
  }

  endpoint(service: string, address: string): number {
    return this.#assign('endpoints', `${service}/${address}`);
  }

  limit(id: string): number {
    return this.#assign('limits', id);
  }

  policy(name: string): number {
    return this.#assign('policies', name);
  }

  /** An endpoint that something let go of is in use by something else. */
  keepEndpoint(service: string, address: string): void {
    if (this.#directory.endpoints.slotOf(`${service}/${address}`) === undefined) this.endpoint(service, address);
  }

  /** What was handed out since the last call. */
  takeUntold(): SlotAssignments {
    const { routes, services, endpoints, limits, policies } = this.#untold;
    const taken = {
      routes: [...routes],
      services: [...services],
      endpoints: [...endpoints],
      limits: [...limits],
      policies: [...policies],
    };
    for (const names of Object.values(this.#untold)) names.clear();
    return taken;
  }

  /** All that is in use, for a worker that knows nothing yet. */
  all(): SlotAssignments {
    const entries = (slots: Slots): SlotAssignment[] => [...slots.entries()];
    const { routes, services, endpoints, limits, policies } = this.#directory;
    return {
      routes: entries(routes),
      services: entries(services),
      endpoints: entries(endpoints),
      limits: entries(limits),
      policies: entries(policies),
    };
  }

  /** Ends the series of what `before` had and `after` has not. */
  release(before: BuiltItem, after: BuiltItem | undefined): void {
    const kept = new Set(after && slotsOf(after).map(([kind, name]) => `${kind} ${name}`));
    for (const [kind, name] of slotsOf(before)) if (!kept.has(`${kind} ${name}`)) this.#directory[kind].release(name);
  }

  #assign(kind: Named, name: string): number {
    const slot = this.#directory[kind].assign(name);
    this.#untold[kind].set(name, slot);
    return slot;
  }
}

function slotsOf(item: BuiltItem): readonly (readonly [Named, string])[] {
  switch (item.kind) {
    case 'Route':
      return [['routes', item.name], ...item.fields.limits.map(({ id }) => ['limits', id] as const)];
    case 'Policy': {
      const limits = item.fields.limits.map(({ id }) => ['limits', id] as const);
      return item.fields.dryRunSlot === undefined ? limits : [['policies', item.name], ...limits];
    }
    case 'Service':
      return [
        ['services', item.name],
        ...item.plan.endpoints.map(({ address }) => ['endpoints', `${item.name}/${address}`] as const),
      ];
    case 'FoundEndpoints':
      return item.endpoints.map(({ address }) => ['endpoints', `${item.name}/${address}`] as const);
    case 'Instance':
      return [['endpoints', `${item.service}/${item.endpoint.address}`]];
    case 'Consumer':
      return overridden(item.plan.overrides);
    case 'ApiKey':
      return overridden(item.overrides);
    default:
      return [];
  }
}

function overridden(buckets: ReadonlyMap<string, BucketPlan> | undefined): readonly (readonly [Named, string])[] {
  return [...(buckets?.values() ?? [])].map(({ id }) => ['limits', id]);
}
