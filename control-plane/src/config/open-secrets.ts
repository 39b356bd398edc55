import type { Log } from '@sluice/engine';
import type { SealedSecrets } from '../state/sealed-secrets.ts';
import type { TrackItem } from '../state/track-state.ts';
import type { SealedSecret } from '../store/store.ts';
import type { SecretSeal } from './secret-seal.ts';

/** A secret as nodes get it. */
interface OpenedSecret {
  readonly field: string;
  readonly fingerprint: string;
  readonly value: string;
}

/**
 * Opens what is stored of an item's secrets, for its way to nodes and nowhere else. Undefined: the item has none. One that cannot be
 * opened is left out: nodes hold what they cannot build and say so.
 */
export function createOpenSecrets(
  secrets: SealedSecrets,
  seal: SecretSeal,
  log: Log,
): (item: TrackItem) => Promise<OpenedSecret[]> | undefined {
  const open = (sealed: SealedSecret): OpenedSecret[] => {
    const { kind, name, field, fingerprint } = sealed;
    try {
      return [{ field, fingerprint, value: seal.open(sealed) }];
    } catch {
      log.error('a stored secret does not open with the secret key', { kind, name, field });
      return [];
    }
  };
  return (item) => secrets.of(item)?.then((sealed) => sealed.flatMap(open));
}
