/**
 * Entry of a hammering thread. Of the engine it loads only what shared memory is made with: the whole of it takes longer to load
 * than the threads live.
 */
import { registerHooks } from 'node:module';

const parts = ['decide/index.ts', 'config/digest.ts', 'tables/cannot-build.ts', 'tables/scan-api-key.ts'];
const source = parts.map((part) => `export * from '${new URL(`../../../engine/src/${part}`, import.meta.url).href}';`);
const engine = 'sluice:engine';

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === '@sluice/engine' ? { url: engine, shortCircuit: true } : next(specifier, context),
  load: (url, context, next) =>
    url === engine ? { format: 'module', source: source.join('\n'), shortCircuit: true } : next(url, context),
});

await import('./hammer.ts');
