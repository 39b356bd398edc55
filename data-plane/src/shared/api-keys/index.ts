export { KeysFull } from './key-heap.ts';
export { API_KEY_KIND, createKeyMemory } from './key-memory.ts';
export { KeyReader } from './key-reader.ts';
export { KeyStaging } from './key-staging.ts';
export { KeyStore } from './key-store.ts';
export type { PinnedKeys } from './pinned-keys.ts';
export { KeyRestore } from './restore-keys.ts';
