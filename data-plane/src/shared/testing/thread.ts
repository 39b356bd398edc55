/**
 * Entry of a hammering thread, which runs `./hammer.ts` unless `workerData.program` is the URL of another. Of the engine it loads only what
 * shared memory is made with: the whole of it takes longer to load than the threads live.
 */
import { registerHooks } from 'node:module';
import { workerData } from 'node:worker_threads';

const parts = ['decide/index.ts', 'config/digest.ts', 'tables/cannot-build.ts', 'tables/scan-api-key.ts'];
const source = parts.map((part) => `export * from '${new URL(`../../../engine/src/${part}`, import.meta.url).href}';`);
const engine = 'sluice:engine';

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === '@sluice/engine' ? { url: engine, shortCircuit: true } : next(specifier, context),
  load: (url, context, next) =>
    url === engine ? { format: 'module', source: source.join('\n'), shortCircuit: true } : next(url, context),
});

const { program } = workerData as { readonly program?: string };
await (program === undefined ? import('./hammer.ts') : import(program));
