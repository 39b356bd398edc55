/**
 * What a worker thread is started with: loads the program from the compile cache of the main thread, where there is one. JavaScript, because what
 * comes before the cache is known is stripped of its types anew in each thread.
 */
import module from 'node:module';
import { workerData } from 'node:worker_threads';

/** @type {Pick<import('./messages.ts').WorkerStart, 'compileCache'>} */
const { compileCache } = workerData;
if (compileCache !== undefined) module.enableCompileCache(compileCache);
await import('./run.ts');
