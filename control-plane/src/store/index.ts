export { type DataDirLock, lockDataDir } from './data-dir-lock.ts';
export { StoreStartError, StoreUnavailable } from './failure.ts';
export { openStore, type StoreOptions } from './open-store.ts';
export type * from './store.ts';
