export * from './backoff.ts';
export * from './balance.ts';
export * from './breaker.ts';
export * from './budget.ts';
export * from './cors.ts';
export * from './gcra.ts';
export * from './health.ts';
export * from './share.ts';
