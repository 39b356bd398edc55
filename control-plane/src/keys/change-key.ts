import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { hashItem } from '@sluice/engine';
import { type ApiKey, ApiKeySchema } from '@sluice/proto';
import type { ControlContext } from '../config/context.ts';
import { toUnavailable } from '../config/make-change.ts';
import { done, type Failure, type Outcome, refused } from '../config/outcome.ts';
import { apiKeyKind, type FactTrack } from '../state/fact-track.ts';
import { type WriteResult, writeRevision } from '../state/write-revision.ts';
import type { NewAnswer, RememberedAnswer } from '../store/store.ts';

export interface KeyChange {
  readonly action: 'key.create' | 'key.revoke' | 'key.rotate';
  readonly author: string;
  readonly name: string;
  /** The key after the change, given the one before; undefined ends it. Called anew whenever the facts changed before the change was stored. */
  readonly change: (before: ApiKey | undefined) => Outcome<ApiKey | undefined>;
  readonly answer?: NewAnswer;
}

export type KeyChangeResult =
  | { readonly kind: 'written'; readonly factsVersion: number }
  | { readonly kind: 'answered'; readonly answer: RememberedAnswer };

/** Makes a version of the facts in which one key is another. */
export async function changeKey(context: ControlContext, change: KeyChange): Promise<Outcome<KeyChangeResult>> {
  const { state } = context;
  let factsVersion = 0;
  let result: WriteResult<Failure>;
  try {
    result = await writeRevision<Failure>(state, 'facts', async () => {
      const { facts } = state;
      const outcome = change.change(findKey(facts, change.name));
      if (!outcome.ok) return { refusal: outcome.failure };
      factsVersion = facts.revision + 1;
      return prepareWrite(context, change, outcome.value, factsVersion);
    });
  } catch (error) {
    return refused(toUnavailable(error));
  }
  switch (result.kind) {
    case 'written':
      return done({ kind: 'written', factsVersion });
    case 'answered':
      return done(result);
    case 'refused':
      return refused(result.refusal);
    case 'overtaken':
      return refused({ kind: 'conflict', message: 'other changes were made faster each time; try again' });
    case 'faulty':
      return refused({ kind: 'failedPrecondition', message: result.message });
    default:
      return result satisfies never;
  }
}

export function findKey(facts: FactTrack, name: string): ApiKey | undefined {
  const item = facts.get(apiKeyKind, name);
  return item && fromBinary(ApiKeySchema, item.content);
}

/** A key as callers see it: not even the hashes, which only nodes need. */
export function withoutHashes(key: ApiKey): ApiKey {
  const { previousHash: _, ...shown } = key;
  return { ...shown, hash: new Uint8Array(), previousHash: new Uint8Array() };
}

function prepareWrite({ state, now }: ControlContext, change: KeyChange, key: ApiKey | undefined, revision: number) {
  const { facts } = state;
  const at = now();
  const before = facts.get(apiKeyKind, change.name);
  const content = key && toBinary(ApiKeySchema, key);
  const hash = content && hashItem(apiKeyKind, change.name, content);
  const item = { kind: apiKeyKind, name: change.name, nodeGroups: [] };
  const changes = [{ ...item, before, after: content && hash && { ...item, revision, content, hash } }];
  return {
    write: {
      revision: {
        createdAt: at,
        author: change.author,
        message: '',
        digest: facts.digestAfter(changes),
        created: before === undefined ? 1 : 0,
        updated: before !== undefined && content !== undefined ? 1 : 0,
        deleted: content === undefined ? 1 : 0,
        rollbackOf: 0,
        forced: false,
      },
      versions: [{ ...item, content, hash }],
      secrets: [],
      audit: [
        {
          at,
          actor: change.author,
          action: change.action,
          track: 'facts' as const,
          revision,
          target: `${apiKeyKind}/${change.name}`,
          detail: key === undefined ? '' : `consumer ${key.consumer}`,
        },
      ],
      answer: change.answer,
    },
    commit: () => facts.append(revision, at, changes),
  };
}
