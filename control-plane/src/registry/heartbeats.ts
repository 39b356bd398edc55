import type { Store } from '../store/store.ts';

/** Writes heartbeats: those that come while one write is under way are written together by the next. */
export class Heartbeats {
  readonly #write: (names: readonly string[]) => Promise<void>;
  #waiting: { readonly names: Set<string>; readonly written: Promise<void> } | undefined;
  #writing: Promise<unknown> = Promise.resolve();

  constructor(write: (names: readonly string[]) => Promise<void>) {
    this.#write = write;
  }

  /** Resolves when it is in the database. Rejects as that does. */
  save(name: string): Promise<void> {
    if (this.#waiting === undefined) {
      const names = new Set<string>();
      const written = this.#writing.then(() => {
        this.#waiting = undefined;
        return this.#write([...names]);
      });
      this.#writing = written.catch(() => undefined);
      this.#waiting = { names, written };
    }
    this.#waiting.names.add(name);
    return this.#waiting.written;
  }
}

/** What the registry needs of a store. */
export type HeartbeatStore = Pick<Store, 'saveHeartbeats' | 'listLateInstances' | 'forgetHeartbeats'>;
