/**
 * What the thread of the database is started with: loads its program from the compile cache of the main thread, where there is one, and Drizzle,
 * which only this thread uses, without reading its package.json for each module. Neither setting of the main thread holds in another.
 * JavaScript, because what comes before the cache is known is stripped of its types anew.
 */
import module from 'node:module';
import { workerData } from 'node:worker_threads';

/** @type {Pick<import('./thread-protocol.ts').ThreadSettings, 'compileCache'>} */
const { compileCache } = workerData;
if (compileCache !== undefined) module.enableCompileCache(compileCache);
await import('../resolve-drizzle.ts');
await import('./database-thread.ts');
