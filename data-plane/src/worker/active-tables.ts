import {
  type ActiveChange,
  type BuildContext,
  buildApiKeyItem,
  CannotBuild,
  defaultListener,
  type StagedTables,
  Tables,
} from '@sluice/engine';
import type { TableSource } from '../proxy/index.ts';
import { KeyReader, type Shared } from '../shared/index.ts';
import type { ListenerAddress } from './messages.ts';
import { KnownSlots, unpackChange } from './packed-change.ts';

interface StagedGeneration {
  readonly generation: number;
  /** To be committed in this order. */
  readonly parts: readonly StagedTables[];
}

/** How long building goes on before requests get their turn. */
const SLICE_MS = 4;
/** Items built between two looks at the clock. */
const SLICE_ITEMS = 16;

/** A worker's tables: changes are built ahead and committed once the shared cell says that they are active. */
export class ActiveTables implements TableSource {
  readonly tables: Tables;
  readonly #shared: Shared;
  readonly #slots = new KnownSlots();
  #staged: StagedGeneration[] = [];
  #committed = 0;

  constructor(shared: Shared, place: Pick<BuildContext, 'group' | 'zone'>, listeners: readonly ListenerAddress[]) {
    this.#shared = shared;
    const context: BuildContext = { ...place, slots: this.#slots };
    this.tables = new Tables({
      ...context,
      apiKeys: new KeyReader(shared.region.apiKeys, (item) => {
        const built = buildApiKeyItem(item, context, true);
        return built instanceof CannotBuild ? undefined : built;
      }),
      listeners: listeners.map(({ name, host, port }) =>
        defaultListener(name, `${host.includes(':') ? `[${host}]` : host}:${port}`),
      ),
    });
  }

  activate(): boolean {
    const active = this.#shared.control.activeGeneration();
    if (active !== this.#committed && this.#staged.length > 0) this.#commitUpTo(active);
    // A worker that did not build in time and finishes what it has never answers from tables that others have left.
    return this.#committed > 0 && this.#committed >= active;
  }

  /** Builds a change, between requests, and keeps it until it is active. One at a time. */
  async stage(generation: number, packed: SharedArrayBuffer): Promise<void> {
    const { change, slots } = unpackChange(packed);
    this.#slots.learn(slots);
    const parts = await this.#build(change);
    // A generation that was given up gives its number to the next change.
    this.#staged = this.#staged.filter((earlier) => earlier.generation < generation);
    this.#staged.push({ generation, parts });
  }

  async #build({ upserts, removals }: ActiveChange): Promise<StagedTables[]> {
    const { clock } = this.#shared;
    const parts = [this.tables.stage({ upserts: [], removals })];
    let untilMs = clock.nowMs() + SLICE_MS;
    for (let at = 0; at < upserts.length; at += SLICE_ITEMS) {
      if (clock.nowMs() > untilMs) {
        await new Promise((resolve) => setImmediate(resolve));
        untilMs = clock.nowMs() + SLICE_MS;
      }
      parts.push(this.tables.stage({ upserts: upserts.slice(at, at + SLICE_ITEMS), removals: [] }));
    }
    return parts;
  }

  #commitUpTo(active: number): void {
    for (const { generation, parts } of this.#staged) {
      if (generation > active) break;
      for (const part of parts) this.tables.commit(part);
      this.#committed = generation;
    }
    this.#staged = this.#staged.filter(({ generation }) => generation > this.#committed);
    this.#shared.control.setWorkerGeneration(this.#shared.writer, this.#committed);
  }
}
