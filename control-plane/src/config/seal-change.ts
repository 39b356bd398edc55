import { checkSecrets, findSecrets, kindOf, type Problem, sealSecrets, secretPlace } from '@sluice/engine';
import type { Resource } from '@sluice/proto';
import type { SealedSecret, SecretRef, Store } from '../store/store.ts';
import type { SecretSeal } from './secret-seal.ts';

export interface SealedChange {
  /** The resources with a fingerprint in place of every secret: from here on nothing holds one in the clear. */
  readonly resources: readonly Resource[];
  /** What was written out, to be stored with the change. */
  readonly secrets: readonly SealedSecret[];
  /** What must be stored already. */
  readonly unchanged: readonly SecretRef[];
  /** What is wrong with the secrets themselves: nothing after this sees them. */
  readonly problems: readonly Problem[];
}

/** Takes the secrets out of a change, before anything else looks at it. */
export function sealChange(resources: readonly Resource[], seal: SecretSeal): SealedChange {
  const secrets: SealedSecret[] = [];
  const unchanged: SecretRef[] = [];
  const problems: Problem[] = [];
  const sealed = resources.map((resource) => {
    if (resource.spec.case === undefined) return resource;
    const owner = { kind: kindOf(resource), name: resource.name };
    checkSecrets(resource, (finding) => problems.push({ severity: 'error', ...owner, ...finding }));
    for (const secret of findSecrets(resource)) {
      if ('unchanged' in secret) unchanged.push(refTo(owner, secret.field, secret.unchanged));
    }
    return sealSecrets(resource, ({ field, inline }) => {
      const ref = refTo(owner, field, seal.fingerprint(inline));
      secrets.push(seal.seal(ref, inline));
      return ref.fingerprint;
    });
  });
  return { resources: sealed, secrets, unchanged, problems };
}

/** Refers to secrets that are not stored: one problem each. */
export async function findMissingSecrets(refs: readonly SecretRef[], store: Store): Promise<Problem[]> {
  if (refs.length === 0) return [];
  const stored = await store.hasSecrets(refs);
  return refs.flatMap(({ kind, name, field, fingerprint }, index) =>
    stored[index]
      ? []
      : [
          {
            severity: 'error',
            kind,
            name,
            field: `${field}.unchanged`,
            message: `no secret with the fingerprint ${fingerprint} is stored for this field`,
            remedy: 'write the secret itself: {inline: ...}, {file: ...} or {env: ...}',
          },
        ],
  );
}

function refTo(owner: { kind: string; name: string }, field: string, fingerprint: string): SecretRef {
  return { ...owner, field: secretPlace(field), fingerprint };
}
