/** The pure core: configuration, matching, plans and decisions. No I/O, no clock, no randomness of its own. */
export * from './config/index.ts';
export * from './decide/index.ts';
export * from './explain/index.ts';
export * from './jwt/index.ts';
export * from './log.ts';
export * from './manifest/index.ts';
export * from './router/index.ts';
export * from './tables/index.ts';
