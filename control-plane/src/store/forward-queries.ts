import type { Store } from './store.ts';

/** What a store is asked; arguments and answers are plain data and can cross threads. */
export type StoreQueries = Omit<Store, 'driver' | 'subscribe' | 'close'>;
export type StoreMethod = keyof StoreQueries;

/** Queries that each go through `call`: to another thread, or past a deadline. */
export function forwardQueries(
  call: <M extends StoreMethod>(method: M, args: Parameters<StoreQueries[M]>) => ReturnType<StoreQueries[M]>,
): StoreQueries {
  return {
    head: (...args) => call('head', args),
    append: (...args) => call('append', args),
    findWrite: (...args) => call('findWrite', args),
    findAnswer: (...args) => call('findAnswer', args),
    readCurrent: (...args) => call('readCurrent', args),
    readSince: (...args) => call('readSince', args),
    readChanges: (...args) => call('readChanges', args),
    readAt: (...args) => call('readAt', args),
    getAt: (...args) => call('getAt', args),
    listRevisions: (...args) => call('listRevisions', args),
    getRevision: (...args) => call('getRevision', args),
    hasSecrets: (...args) => call('hasSecrets', args),
    readSecret: (...args) => call('readSecret', args),
    listAudit: (...args) => call('listAudit', args),
    readToken: (...args) => call('readToken', args),
    claimToken: (...args) => call('claimToken', args),
    claimMeta: (...args) => call('claimMeta', args),
    saveNodes: (...args) => call('saveNodes', args),
    listNodes: (...args) => call('listNodes', args),
    issueCommands: (...args) => call('issueCommands', args),
    takeCommands: (...args) => call('takeCommands', args),
    answerCommands: (...args) => call('answerCommands', args),
    readCommandAnswers: (...args) => call('readCommandAnswers', args),
    saveHeartbeats: (...args) => call('saveHeartbeats', args),
    listLateInstances: (...args) => call('listLateInstances', args),
    forgetHeartbeats: (...args) => call('forgetHeartbeats', args),
    clean: (...args) => call('clean', args),
    newHistory: (...args) => call('newHistory', args),
  };
}
