import { REVOKED_TOKEN_KIND, SIGNING_KEY_KIND } from '@sluice/engine';
import type { ControlContext } from '../config/context.ts';
import { done, type Outcome } from '../config/outcome.ts';
import { changeFacts } from '../facts/change-facts.ts';
import { revokedUntilMs } from './revoke-token.ts';
import { KEPT_MS, listSigningKeys, signsFromMs } from './signing-keys.ts';

/** Facts that are forgotten in one version. */
const MAX_AT_ONCE = 1_000;

/** Takes away revocations of tokens that have ended by themselves, and signing keys all of whose tokens have. */
export async function forgetEnded(context: ControlContext): Promise<Outcome<number>> {
  await context.state.ready;
  return changeFacts(context, () => {
    const items = [...endedFacts(context)].slice(0, MAX_AT_ONCE);
    if (items.length === 0) return done(undefined);
    return done({ action: 'token.forget', author: 'sluice', detail: 'ended by itself', items });
  });
}

function* endedFacts(context: ControlContext) {
  const nowMs = context.now().getTime();
  const keys = listSigningKeys(context);
  for (const [i, { keyId }] of keys.entries()) {
    const successor = keys[i + 1];
    if (successor === undefined || signsFromMs(successor) + KEPT_MS > nowMs) continue;
    yield { kind: SIGNING_KEY_KIND, name: keyId, content: undefined };
  }
  for (const { kind, name, content } of context.state.facts.itemsOf(REVOKED_TOKEN_KIND)) {
    if (revokedUntilMs(content) <= nowMs) yield { kind, name, content: undefined };
  }
}
