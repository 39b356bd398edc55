import type { LeaseStore } from './lease-store.ts';

/** A node without `--redis`: as if the store were always away. */
export const NO_STORE: LeaseStore = {
  up: false,
  nodes: 1,
  lease: () => Promise.reject(new Error('this node has no --redis')),
};
