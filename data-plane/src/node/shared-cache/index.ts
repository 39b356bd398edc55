export type { AnswerStore, Recalled } from './answer-store.ts';
export { RedisAnswers } from './redis-answers.ts';
export { SharedCache } from './shared-cache.ts';
