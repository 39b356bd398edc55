/**
 * Entry of a hammering thread. Of the engine it loads the decisions alone: the whole of it takes longer to load than the threads live.
 */
import { registerHooks } from 'node:module';

const decisions = new URL('../../../engine/src/decide/index.ts', import.meta.url).href;

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === '@sluice/engine' ? { url: decisions, shortCircuit: true } : next(specifier, context),
});

await import('./hammer.ts');
