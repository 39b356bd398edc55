/** What a worker thread is started with: loads the program from the compile cache of the main thread, where there is one. */
import module from 'node:module';
import { workerData } from 'node:worker_threads';

const { compileCache } = workerData as { readonly compileCache: string | undefined };
if (compileCache !== undefined) module.enableCompileCache(compileCache);
await import('./run.ts');
