import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { type ApiKey, ApiKeySchema } from '@sluice/proto';
import type { ControlContext } from '../config/context.ts';
import { toUnavailable } from '../config/make-change.ts';
import { done, type Failure, type Outcome, refused } from '../config/outcome.ts';
import { prepareFacts } from '../facts/prepare-facts.ts';
import { apiKeyKind, type FactTrack } from '../state/fact-track.ts';
import { type WriteResult, writeRevision } from '../state/write-revision.ts';
import type { NewAnswer, RememberedAnswer } from '../store/store.ts';
import { type EndedSecret, endTokens } from '../tokens/index.ts';

export interface KeyChange {
  readonly action: 'key.create' | 'key.revoke' | 'key.rotate';
  readonly author: string;
  readonly name: string;
  /**
   * The key after the change, given the one before; undefined ends it. Called anew whenever the facts changed before the change was stored.
   */
  readonly change: (before: ApiKey | undefined) => Outcome<ApiKey | undefined>;
  /** Secrets that end with the change, whose tokens end too. Default: none. */
  readonly endedSecrets?: (before: ApiKey) => readonly EndedSecret[];
  readonly answer?: NewAnswer;
}

export type KeyChangeResult =
  /** `tokensRemain`: there was no room to revoke those that were exchanged for secrets that ended. */
  | { readonly kind: 'written'; readonly factsVersion: number; readonly tokensRemain: boolean }
  | { readonly kind: 'answered'; readonly answer: RememberedAnswer };

/** Makes a version of the facts in which one key is another. */
export async function changeKey(context: ControlContext, change: KeyChange): Promise<Outcome<KeyChangeResult>> {
  const { state } = context;
  let factsVersion = 0;
  let tokensRemain = false;
  let result: WriteResult<Failure>;
  try {
    result = await writeRevision<Failure>(state, 'facts', async () => {
      const { facts } = state;
      const before = findKey(facts, change.name);
      const outcome = change.change(before);
      if (!outcome.ok) return { refusal: outcome.failure };
      const key = outcome.value;
      factsVersion = facts.revision + 1;
      const secrets = before === undefined ? [] : (change.endedSecrets?.(before) ?? []);
      const ended = endTokens(context, secrets);
      tokensRemain = ended === undefined;
      return prepareFacts(context, {
        ...change,
        items: [{ kind: apiKeyKind, name: change.name, content: key && toBinary(ApiKeySchema, key) }, ...(ended ?? [])],
        detail: `${key === undefined ? '' : `consumer ${key.consumer}`}${tokensRemain ? ' (its tokens remain)' : ''}`,
      });
    });
  } catch (error) {
    return refused(toUnavailable(error));
  }
  switch (result.kind) {
    case 'written':
      return done({ kind: 'written', factsVersion, tokensRemain });
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
