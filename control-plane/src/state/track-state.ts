/** One kind of truth as it stands in memory, and its way there. Keeps answering while the database is away. */
export interface TrackState {
  /** The last revision (or version of the facts) known. 0: nothing yet. */
  readonly revision: number;
  /** When that revision was made; the time of loading where there is none yet. */
  readonly createdAt: Date;
  /** Where a node of this group is when it is current. Costs the same whatever the size. */
  position(group: string): TrackPosition;
  /**
   * What leads a node of this group from a revision to the present one. Undefined where only a snapshot does: the revision is ahead, too
   * far back, or the database is needed and away.
   */
  deltaSince(revision: number, group: string): Promise<TrackDelta | undefined>;
  /** All that goes to this group. */
  snapshot(group: string): TrackSnapshot;
  /** Calls back after each change, and after the history changed. Returns how to stop. */
  subscribe(listener: () => void): () => void;
}

export interface TrackPosition {
  readonly revision: number;
  /** The set digest of what goes to the group, 32 bytes. */
  readonly digest: Uint8Array;
}

/** An item as nodes get it. */
export interface TrackItem {
  readonly kind: string;
  readonly name: string;
  /** The stored bytes. */
  readonly content: Uint8Array;
  readonly hash: Uint8Array;
  /** Empty: everywhere. */
  readonly nodeGroups: readonly string[];
}

export interface TrackDelta {
  readonly fromRevision: number;
  /** The group's digest at `fromRevision`: a node that has another one there diverged. */
  readonly fromDigest: Uint8Array;
  readonly revision: number;
  readonly digest: Uint8Array;
  readonly upserts: TrackItem[];
  readonly removals: { readonly kind: string; readonly name: string }[];
  /** Its deletions are meant, however many: they were admitted one revision at a time, or one of them was forced. */
  readonly forced: boolean;
  readonly createdAt: Date;
}

export interface TrackSnapshot extends TrackPosition {
  readonly items: readonly TrackItem[];
  readonly createdAt: Date;
}
