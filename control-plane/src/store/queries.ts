import { type AppendSteps, appendRevision } from './append.ts';
import { clean } from './clean.ts';
import { answerCommands, issueCommands, readCommandAnswers, takeCommands } from './command-table.ts';
import type { Database } from './database.ts';
import { forgetHeartbeats, listLateInstances, saveHeartbeats } from './heartbeat-table.ts';
import { readHead } from './read-head.ts';
import { getAt, getRevision, listRevisions, readAt, readChanges, readCurrent, readSince } from './read-log.ts';
import {
  claimMeta,
  claimToken,
  findAnswer,
  findWrite,
  hasSecrets,
  listAudit,
  listNodes,
  newHistory,
  readSecret,
  readToken,
  saveNodes,
} from './read-tables.ts';
import type { Store } from './store.ts';

/** What a store is asked; arguments and answers are plain data and can cross threads. */
export type StoreQueries = Omit<Store, 'driver' | 'subscribe' | 'close'>;
export type StoreMethod = keyof StoreQueries;

/** The queries, the same for both drivers. They reject with what the driver rejects with. */
export function createQueries(db: Database, steps: AppendSteps = {}): StoreQueries {
  return {
    head: () => readHead(db),
    append: (append) => appendRevision(db, append, steps),
    findWrite: (track, writeId) => findWrite(db, track, writeId),
    findAnswer: (key) => findAnswer(db, key),
    readCurrent: (track, after, limit) => readCurrent(db, track, after, limit),
    readSince: (track, after, maxItems) => readSince(db, track, after, maxItems),
    readChanges: (track, from, to, limit) => readChanges(db, track, from, to, limit),
    readAt: (track, revision, kind, afterName, limit) => readAt(db, track, revision, kind, afterName, limit),
    getAt: (track, ref, revision) => getAt(db, track, ref, revision),
    listRevisions: (track, before, limit) => listRevisions(db, track, before, limit),
    getRevision: (track, revision) => getRevision(db, track, revision),
    hasSecrets: (refs) => hasSecrets(db, refs),
    readSecret: (ref) => readSecret(db, ref),
    listAudit: (before, limit) => listAudit(db, before, limit),
    readToken: (name) => readToken(db, name),
    claimToken: (name, hash) => claimToken(db, name, hash),
    claimMeta: (name, value) => claimMeta(db, name, value),
    saveNodes: (nodes) => saveNodes(db, nodes),
    listNodes: () => listNodes(db),
    issueCommands: (request, nodeIds, command) => issueCommands(db, request, nodeIds, command),
    takeCommands: (nodeIds, maxAgeMs, limit) => takeCommands(db, nodeIds, maxAgeMs, limit),
    answerCommands: (answers) => answerCommands(db, answers),
    readCommandAnswers: (request) => readCommandAnswers(db, request),
    saveHeartbeats: (names, isNew) => saveHeartbeats(db, names, isNew),
    listLateInstances: (afterMs, limit) => listLateInstances(db, afterMs, limit),
    forgetHeartbeats: (names) => forgetHeartbeats(db, names),
    clean: (before, limit) => clean(db, before, limit),
    newHistory: () => newHistory(db),
  };
}

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
