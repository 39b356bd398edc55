/**
 * The pure core: configuration, matching, plans and decisions. No I/O, no clock, no randomness of its own. Here is what nodes run on,
 * too; what checks a whole configuration and what reads and writes YAML is heavy to load, and has entries of its own:
 * `@sluice/engine/config-index`, `@sluice/engine/manifest`.
 */
export * from './config/index.ts';
export * from './decide/index.ts';
export * from './explain/index.ts';
export * from './jwt/index.ts';
export * from './log.ts';
export * from './manifest/index.ts';
export * from './router/index.ts';
export * from './tables/index.ts';
