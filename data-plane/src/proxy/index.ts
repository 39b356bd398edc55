export { heapLimitBytes, heapShare } from './heap-share.ts';
/** What one worker thread does with connections and requests. */
export { WorkerProxy } from './proxy.ts';
export type { TableSource } from './proxy-context.ts';
