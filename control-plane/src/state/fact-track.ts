import { fromBinary } from '@bufbuild/protobuf';
import { ApiKeySchema } from '@sluice/proto';
import { type CurrentChange, type CurrentItem, Track } from './track.ts';

/** The facts in memory, and which keys each consumer has. */
export class FactTrack extends Track {
  #keysByConsumer = new Map<string, Set<string>>();

  override empty(): FactTrack {
    return new FactTrack(this.options);
  }

  /** The names of a consumer's keys, whether they still are accepted or not. */
  keysOf(consumer: string): ReadonlySet<string> {
    return this.#keysByConsumer.get(consumer) ?? new Set();
  }

  override append(revision: number, createdAt: Date, changes: readonly CurrentChange[]): void {
    for (const { name, before, after } of changes) {
      const [from, to] = [consumerOf(before), consumerOf(after)];
      if (from === to) continue;
      if (from !== undefined) this.#forget(from, name);
      if (to !== undefined) this.#keysByConsumer.set(to, (this.#keysByConsumer.get(to) ?? new Set()).add(name));
    }
    super.append(revision, createdAt, changes);
  }

  override replace(loaded: Track): void {
    if (loaded instanceof FactTrack) this.#keysByConsumer = loaded.#keysByConsumer;
    super.replace(loaded);
  }

  #forget(consumer: string, key: string): void {
    const keys = this.#keysByConsumer.get(consumer);
    keys?.delete(key);
    if (keys?.size === 0) this.#keysByConsumer.delete(consumer);
  }
}

/** The kind of facts that API keys are. */
export const apiKeyKind = 'ApiKey';

function consumerOf(item: CurrentItem | undefined): string | undefined {
  return item?.kind === apiKeyKind ? fromBinary(ApiKeySchema, item.content).consumer : undefined;
}
