import type { Exchange } from '../exchange.ts';
import { hashRequest } from '../upstream/hash-request.ts';
import { MirrorCopy } from './mirror-copy.ts';
import type { MirrorState } from './mirror-state.ts';

/** Copies under way from one worker; further ones are dropped. */
const MAX_COPIES = 256;

/**
 * Draws whether a request that is about to be sent is copied, and takes the copy. It is sent after the request itself, and whatever
 * becomes of it, the request is not told. Costs a random number; each copy, all that another request to its service does.
 */
export function takeCopy(x: Exchange, mirror: MirrorState, headText: string): MirrorCopy | null {
  // A tunnel cannot be copied.
  if (x.webSocketKey !== '' || Math.random() * 100 >= mirror.plan.percent) return null;
  const { context, body } = x;
  if (context.mirrorCopies >= MAX_COPIES) {
    context.shared.metrics.add(mirror.dropped);
    return null;
  }
  const { balancer } = mirror.plan.service;
  const hash = balancer.kind === 'consistentHash' ? hashRequest(x, balancer.by) : 0;
  const copy = new MirrorCopy(context, mirror, headText, x.head.method, hash);
  if (!copy.add(body.bytes)) return null;
  if (!body.received) x.mirrorCopy = copy;
  return copy;
}

/** More of the body of a request that is copied. */
export function copyBody(x: Exchange, copy: MirrorCopy): void {
  if (!copy.add(x.body.bytes)) x.mirrorCopy = null;
  else if (x.body.received) {
    x.mirrorCopy = null;
    copy.send();
  }
}

/** The request is over before all of its body has come: there is nothing whole to send. */
export function dropCopy(x: Exchange): void {
  const { mirrorCopy } = x;
  if (mirrorCopy === null) return;
  x.mirrorCopy = null;
  mirrorCopy.drop();
}
