/** Where revisions, facts and what belongs to them are kept for good. Two drivers: PostgreSQL, and PGlite in a thread of its own. */
export interface Store {
  readonly driver: 'postgres' | 'embedded';

  /** Where the log stands now. */
  head(): Promise<StoreHead>;
  /** Appends one revision (or only an answer to remember) in one transaction, serialised with every other writer of the database. */
  append(append: Append): Promise<AppendOutcome>;
  /** The revision that a write with this id made, once no transaction of an earlier connection can still make one. Undefined: none. */
  findWrite(track: TrackName, writeId: string): Promise<number | undefined>;
  /** The answer remembered under an idempotency key that has not expired. */
  findAnswer(key: string): Promise<RememberedAnswer | undefined>;

  /** What is current, by kind and name, a page at a time. Pages are read one after another: rows may be newer than earlier ones. */
  readCurrent(track: TrackName, after: ItemRef | undefined, limit: number): Promise<VersionRecord[]>;
  /** Whole revisions after one, the oldest first: as many as stay within `maxItems` versions, but at least one where there is one. */
  readSince(track: TrackName, after: number, maxItems: number): Promise<RevisionWithVersions[]>;
  /** What differs between two revisions, each item once. Undefined where more than `limit` items changed on the way. */
  readChanges(track: TrackName, from: number, to: number, limit: number): Promise<ChangeRecord[] | undefined>;
  /** The items of one kind as they were at a revision, by name, a page at a time. */
  readAt(track: TrackName, revision: number, kind: string, afterName: string, limit: number): Promise<VersionRecord[]>;
  /** One item as it was at a revision. */
  getAt(track: TrackName, ref: ItemRef, revision: number): Promise<VersionRecord | undefined>;
  /** Revisions before one (unset: all), the newest first. */
  listRevisions(track: TrackName, before: number | undefined, limit: number): Promise<RevisionRecord[]>;
  getRevision(track: TrackName, revision: number): Promise<RevisionRecord | undefined>;

  /** Which of these secrets are stored, in the same order. */
  hasSecrets(refs: readonly SecretRef[]): Promise<boolean[]>;
  readSecret(ref: SecretRef): Promise<SealedSecret | undefined>;

  /** Audit entries before one (unset: all), the newest first. */
  listAudit(before: number | undefined, limit: number): Promise<StoredAuditEntry[]>;

  /** The hash of a token by name. */
  readToken(name: string): Promise<Uint8Array | undefined>;
  /** Stores a token's hash unless one of that name is there. Returns the hash that stands. */
  claimToken(name: string, hash: Uint8Array): Promise<Uint8Array>;
  /** Stores a value of the database as a whole unless one of that name is there. Returns the value that stands. */
  claimMeta(name: string, value: Uint8Array): Promise<Uint8Array>;

  /** Writes the last known state of nodes; of two writes for a node the one last seen later stays. */
  saveNodes(nodes: readonly NodeRecord[]): Promise<void>;
  /** Nodes by id. */
  listNodes(): Promise<NodeRecord[]>;

  /** Asks whichever replicas hold these nodes to tell them something. `request`: what the answers are found by. */
  issueCommands(request: string, nodeIds: readonly string[], command: Uint8Array): Promise<void>;
  /**
   * Takes what is for these nodes, is younger than `maxAgeMs` by the database's clock, and was not taken: nobody else gets it. The oldest
   * first.
   */
  takeCommands(nodeIds: readonly string[], maxAgeMs: number, limit: number): Promise<TakenCommand[]>;
  answerCommands(answers: readonly CommandAnswer[]): Promise<void>;
  /** The answers to a request that are there. */
  readCommandAnswers(request: string): Promise<NodeAnswer[]>;

  /** Instances are heard of now, by the database's clock. `isNew`: only those that nothing is known of. */
  saveHeartbeats(names: readonly string[], isNew: boolean): Promise<void>;
  /** Instances that were not heard of for longer than this, those that are silent for longest first. */
  listLateInstances(afterMs: number, limit: number): Promise<LateInstance[]>;
  forgetHeartbeats(names: readonly string[]): Promise<void>;

  /** Removes what is older than it need be, up to `limit` rows of each table. */
  clean(before: CleanBefore, limit: number): Promise<Cleaned>;

  /** Begins a new history and returns its id. */
  newHistory(): Promise<string>;

  /** Calls back when somebody may have written, with what is known of it. Returns how to stop. */
  subscribe(listener: (notice: Notice | undefined) => void): () => void;
  /** Waits for what runs, within a deadline, and lets go of the database. */
  close(): Promise<void>;
}

/** The two kinds of truth: configuration in revisions, and facts in versions. Both are kept the same way. */
export type TrackName = 'config' | 'facts';

/** What replicas tell each other through the database. */
export type Notice =
  /** A track has this revision now, or a later one. */
  | { readonly kind: 'moved'; readonly track: TrackName; readonly revision: number }
  /** Commands wait for the replicas that hold their nodes. */
  | { readonly kind: 'issued' }
  /** Commands were answered. */
  | { readonly kind: 'answered' };

export interface StoreHead {
  readonly historyId: string;
  /** The last config revision. 0: none yet. */
  readonly config: number;
  /** The last version of the facts. 0: none yet. */
  readonly facts: number;
}

export interface ItemRef {
  readonly kind: string;
  readonly name: string;
}

/** What a revision says of itself. */
export interface RevisionRecord {
  readonly revision: number;
  readonly createdAt: Date;
  readonly author: string;
  readonly message: string;
  /** The set digest of everything after the revision, 32 bytes. */
  readonly digest: Uint8Array;
  readonly created: number;
  readonly updated: number;
  readonly deleted: number;
  /** 0: it was no rollback. */
  readonly rollbackOf: number;
  readonly forced: boolean;
}

/** An item as one revision left it. */
export interface VersionRecord extends ItemRef {
  readonly revision: number;
  /** The stored bytes. Undefined: the revision removed the item. */
  readonly content: Uint8Array | undefined;
  /** The item's hash. Undefined: the revision removed the item. */
  readonly hash: Uint8Array | undefined;
  /** The groups it goes to. Empty: everywhere. */
  readonly nodeGroups: readonly string[];
}

export interface RevisionWithVersions extends RevisionRecord {
  readonly versions: readonly VersionRecord[];
}

/** An item that differs between two revisions; present in at least one of them. */
export interface ChangeRecord extends ItemRef {
  readonly before: VersionRecord | undefined;
  readonly after: VersionRecord | undefined;
}

/** One transaction's work. */
export interface Append {
  readonly track: TrackName;
  /** What the change was checked against. The append happens only there. */
  readonly expected: { readonly historyId: string; readonly revision: number };
  /** Unique to this write: finds out what became of it. */
  readonly writeId: string;
  /** The revision to make, whose number is `expected.revision` + 1. Undefined: none, the change changes nothing. */
  readonly revision: Omit<RevisionRecord, 'revision'> | undefined;
  readonly versions: readonly Omit<VersionRecord, 'revision'>[];
  readonly secrets: readonly SealedSecret[];
  readonly audit: readonly AuditEntry[];
  /** The answer to remember for a retry. */
  readonly answer: NewAnswer | undefined;
}

export type AppendOutcome =
  | { readonly kind: 'appended' }
  /** The log stands elsewhere than expected. Nothing was written. `missed`: the first of the revisions since. */
  | { readonly kind: 'behind'; readonly head: StoreHead; readonly missed: readonly RevisionWithVersions[] }
  /** The idempotency key is taken. Nothing was written. */
  | { readonly kind: 'answered'; readonly answer: RememberedAnswer };

export interface RememberedAnswer {
  /** SHA-256 over the request: a retry has the same. */
  readonly requestHash: Uint8Array;
  readonly response: Uint8Array;
}

export interface NewAnswer extends RememberedAnswer {
  readonly key: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

/** Where a secret belongs, and which one it is. */
export interface SecretRef extends ItemRef {
  /** The place in the resource, without list indexes. */
  readonly field: string;
  readonly fingerprint: string;
}

/** A secret that only the holder of the secret key can read. */
export interface SealedSecret extends SecretRef {
  readonly nonce: Uint8Array;
  /** AES-256-GCM, the tag at the end; the reference is authenticated with it. */
  readonly ciphertext: Uint8Array;
}

/** Who did what, when. */
export interface AuditEntry {
  readonly at: Date;
  readonly actor: string;
  /** Such as `apply` or `key.revoke`. */
  readonly action: string;
  readonly track: TrackName;
  /** The revision or version that it made. */
  readonly revision: number;
  /** What it was done to, such as `ApiKey/ci`. Empty: the configuration. */
  readonly target: string;
  readonly detail: string;
}

export interface StoredAuditEntry extends AuditEntry {
  readonly id: number;
}

/** The last known state of a node, written by the replica that it was connected to. */
export interface NodeRecord {
  readonly nodeId: string;
  readonly group: string;
  readonly replicaId: string;
  readonly lastSeenAt: Date;
  /** An encoded sluice.admin.v1.Node. */
  readonly state: Uint8Array;
}

/** A command for a node that is connected here. */
export interface TakenCommand {
  readonly id: number;
  readonly nodeId: string;
  readonly command: Uint8Array;
  /** Since it was issued, by the database's clock. */
  readonly ageMs: number;
}

export interface CommandAnswer {
  readonly id: number;
  /** Why it was not done. Empty: it was. */
  readonly error: string;
  /** What the node was asked for. */
  readonly report?: Uint8Array | undefined;
}

export interface NodeAnswer {
  readonly nodeId: string;
  /** Why it was not done. Empty: it was. */
  readonly error: string;
  /** What the node was asked for. */
  readonly report?: Uint8Array | undefined;
}

/** An instance that may be gone. */
export interface LateInstance {
  readonly name: string;
  /** Since it was last heard of. */
  readonly silentMs: number;
}

/** What was last needed before these moments is removed. */
export interface CleanBefore {
  /** Answers to retries that expired. */
  readonly answers: Date;
  /** Commands by when they were issued. */
  readonly commands: Date;
  readonly audit: Date;
  /** Nodes by when they were last seen. */
  readonly nodes: Date;
}

/** Rows that were removed of each. */
export type Cleaned = Readonly<Record<keyof CleanBefore, number>>;
