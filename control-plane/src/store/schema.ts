import { sql } from 'drizzle-orm';
import {
  bigint,
  bigserial,
  boolean,
  customType,
  index,
  integer,
  pgTable,
  primaryKey,
  text,
  timestamp,
} from 'drizzle-orm/pg-core';

/** Copied when read: postgres.js answers with a Buffer, a part of a larger piece of memory that would be kept with it. */
const bytea = customType<{ data: Uint8Array; driverData: Uint8Array }>({
  dataType: () => 'bytea',
  fromDriver: (value) => new Uint8Array(value),
});
const number = () => bigint({ mode: 'number' });
const instant = () => timestamp({ withTimezone: true, mode: 'date', precision: 3 });

/** Each row begins a history; the last one is the current. A restored database gets a new one, so that nodes notice. */
export const histories = pgTable('histories', {
  ordinal: bigserial({ mode: 'number' }).primaryKey(),
  historyId: text().notNull().unique(),
  createdAt: instant().notNull(),
});

/** Values of the database as a whole, each written once. */
export const meta = pgTable('meta', {
  name: text().primaryKey(),
  value: bytea().notNull(),
});

export const revisions = revisionTable('revisions');
export const resourceVersions = versionTable('resource_versions');
export const currentResources = currentTable('current_resources');

export const factRevisions = revisionTable('fact_revisions');
export const factVersions = versionTable('fact_versions');
export const currentFacts = currentTable('current_facts');

/** Who changed what, when. Written in the transaction of the change. */
export const audit = pgTable('audit', {
  id: bigserial({ mode: 'number' }).primaryKey(),
  at: instant().notNull(),
  actor: text().notNull(),
  action: text().notNull(),
  track: text().notNull(),
  revision: number().notNull(),
  target: text().notNull(),
  detail: text().notNull(),
});

/** Secret fields, sealed. Never changed and never removed: older revisions refer to them by fingerprint. */
export const secrets = pgTable(
  'secrets',
  {
    kind: text().notNull(),
    name: text().notNull(),
    field: text().notNull(),
    fingerprint: text().notNull(),
    nonce: bytea().notNull(),
    ciphertext: bytea().notNull(),
  },
  (table) => [primaryKey({ columns: [table.kind, table.name, table.field, table.fingerprint] })],
);

/** Answers to remember, for retries of requests whose answer was lost. */
export const idempotency = pgTable(
  'idempotency',
  {
    key: text().primaryKey(),
    requestHash: bytea().notNull(),
    response: bytea().notNull(),
    createdAt: instant().notNull(),
    expiresAt: instant().notNull(),
  },
  (table) => [index('idempotency_expires_at').on(table.expiresAt)],
);

export const tokens = pgTable('tokens', {
  name: text().primaryKey(),
  hash: bytea().notNull(),
  createdAt: instant().notNull().default(sql`now()`),
});

/** The last known state of each node. */
export const nodes = pgTable('nodes', {
  nodeId: text().primaryKey(),
  group: text('node_group').notNull(),
  replicaId: text().notNull(),
  lastSeenAt: instant().notNull(),
  state: bytea().notNull(),
});

/** When each registered instance was last heard of, by the database's clock. Beside the facts: a heartbeat makes no version. */
export const heartbeats = pgTable('heartbeats', {
  name: text().primaryKey(),
  seenAt: instant().notNull().default(sql`now()`),
});

/** What nodes of other replicas are told to do: rows of a few seconds. */
export const commands = pgTable(
  'commands',
  {
    id: bigserial({ mode: 'number' }).primaryKey(),
    /** Issued together. */
    request: text().notNull(),
    nodeId: text().notNull(),
    command: bytea().notNull(),
    issuedAt: instant().notNull().default(sql`now()`),
    takenAt: instant(),
    answeredAt: instant(),
    error: text(),
    /** What the node was asked for: an encoded sluice.admin.v1.ServicesReport. */
    report: bytea(),
  },
  (table) => [index('commands_request').on(table.request), index('commands_issued_at').on(table.issuedAt)],
);

/** The log itself: one row for each revision. */
function revisionTable(name: string) {
  return pgTable(name, {
    revision: number().primaryKey(),
    writeId: text().notNull().unique(),
    createdAt: instant().notNull(),
    author: text().notNull(),
    message: text().notNull(),
    digest: bytea().notNull(),
    created: integer().notNull(),
    updated: integer().notNull(),
    deleted: integer().notNull(),
    rollbackOf: number().notNull(),
    forced: boolean().notNull(),
  });
}

/** What each revision left of each item it touched. No content: it removed the item. */
function versionTable(name: string) {
  return pgTable(
    name,
    {
      kind: text().notNull(),
      name: text().notNull(),
      revision: number().notNull(),
      content: bytea(),
      hash: bytea(),
      nodeGroups: text().array().notNull(),
    },
    (table) => [
      primaryKey({ columns: [table.kind, table.name, table.revision] }),
      index(`${name}_revision`).on(table.revision),
    ],
  );
}

/** The last version of each item that is there: what the log adds up to, kept in the same transaction. */
function currentTable(name: string) {
  return pgTable(
    name,
    {
      kind: text().notNull(),
      name: text().notNull(),
      revision: number().notNull(),
      content: bytea().notNull(),
      hash: bytea().notNull(),
      nodeGroups: text().array().notNull(),
    },
    (table) => [primaryKey({ columns: [table.kind, table.name] })],
  );
}
