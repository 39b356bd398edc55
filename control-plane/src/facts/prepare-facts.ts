import { hashItem } from '@sluice/engine';
import type { ControlContext } from '../config/context.ts';
import type { PreparedWrite } from '../state/write-revision.ts';
import type { NewAnswer, SealedSecret } from '../store/store.ts';

/** Facts as they are to be. */
export interface FactsChange {
  /** As the audit says it, such as `key.create`. */
  readonly action: string;
  readonly author: string;
  /** Each fact once. Content undefined: it is gone. */
  readonly items: readonly { readonly kind: string; readonly name: string; readonly content: Uint8Array | undefined }[];
  readonly secrets?: readonly SealedSecret[];
  /** For the audit. */
  readonly detail: string;
  readonly answer?: NewAnswer;
}

/** The next version of the facts, in which these are as they are to be. */
export function prepareFacts({ state, now }: ControlContext, change: FactsChange): PreparedWrite {
  const { facts } = state;
  const at = now();
  const revision = facts.revision + 1;
  const changes = change.items.map(({ kind, name, content }) => {
    const item = { kind, name, nodeGroups: [] };
    const after = content && { ...item, revision, content, hash: hashItem(kind, name, content) };
    return { ...item, before: facts.get(kind, name), after };
  });
  const count = (has: (change: (typeof changes)[number]) => boolean): number => changes.filter(has).length;
  return {
    write: {
      revision: {
        createdAt: at,
        author: change.author,
        message: '',
        digest: facts.digestAfter(changes),
        created: count(({ before, after }) => before === undefined && after !== undefined),
        updated: count(({ before, after }) => before !== undefined && after !== undefined),
        deleted: count(({ after }) => after === undefined),
        rollbackOf: 0,
        forced: false,
      },
      versions: changes.map(({ kind, name, nodeGroups, after }) => ({
        kind,
        name,
        nodeGroups,
        content: after?.content,
        hash: after?.hash,
      })),
      secrets: change.secrets ?? [],
      audit: changes.map(({ kind, name }) => ({
        at,
        actor: change.author,
        action: change.action,
        track: 'facts' as const,
        revision,
        target: `${kind}/${name}`,
        detail: change.detail,
      })),
      answer: change.answer,
    },
    commit: () => facts.append(revision, at, changes),
  };
}
