import { openStore, type Store } from '@sluice/control-plane';
import { findPostgres, type Postgres, startPostgres } from '../harness/postgres.ts';
import { makeTempDir } from '../harness/temp-dir.ts';

/** A database of one driver, which stores are opened on. */
export type Database = AsyncDisposable & {
  /** Opens one more store on the same database; the embedded one takes one at a time. */
  readonly open: () => Promise<Store>;
};

export type Driver = { readonly name: string; readonly create: () => Promise<Database> };

/** The drivers that this machine can run. */
export const drivers: readonly Driver[] = [
  { name: 'embedded', create: createEmbedded },
  ...(findPostgres() === undefined ? [] : [{ name: 'postgres', create: createPostgres }]),
];

async function createEmbedded(): Promise<Database> {
  const dir = await makeTempDir('store');
  return {
    open: () => openStore({ database: 'embedded', dataDir: dir.path }),
    [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose](),
  };
}

async function createPostgres(): Promise<Database> {
  const postgres = await startPostgres();
  return { ...openOn(postgres), [Symbol.asyncDispose]: () => postgres[Symbol.asyncDispose]() };
}

/** Stores on a server, each with a data directory of its own. */
export function openOn({ url }: Postgres): Pick<Database, 'open'> {
  return {
    async open() {
      const dir = await makeTempDir('store');
      const store = await openStore({ database: url, dataDir: dir.path });
      return {
        ...store,
        async close() {
          await store.close();
          await dir[Symbol.asyncDispose]();
        },
      };
    },
  };
}
