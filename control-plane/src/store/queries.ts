import { type AppendSteps, appendRevision } from './append.ts';
import { clean } from './clean.ts';
import { answerCommands, issueCommands, readCommandAnswers, takeCommands } from './command-table.ts';
import type { Database } from './database.ts';
import type { StoreQueries } from './forward-queries.ts';
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
