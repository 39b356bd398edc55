import { create } from '@bufbuild/protobuf';
import { type Listener, ListenerProtocol, ListenerSchema } from '@sluice/proto';
import { compileNetworks } from './address-rules.ts';
import { CannotBuild } from './cannot-build.ts';
import type { ListenerPlan } from './plan.ts';
import { durationMs, sizeBytes } from './read-duration.ts';

export interface BuiltListener {
  readonly kind: 'Listener';
  readonly name: string;
  readonly plan: ListenerPlan;
}

export function buildListener(name: string, listener: Listener): BuiltListener {
  if (listener.protocol > ListenerProtocol.HTTP)
    throw new CannotBuild(`protocol ${listener.protocol} is not spoken by this version`);
  const colon = listener.address.lastIndexOf(':');
  const { limits } = listener;
  return {
    kind: 'Listener',
    name,
    plan: {
      name,
      host: listener.address.slice(0, colon).replace(/^\[|\]$/g, ''),
      port: Number(listener.address.slice(colon + 1)),
      headerBytes: sizeBytes(limits?.headerBytes, 32_768),
      headerCount: limits?.headerCount ?? 100,
      bodyBytes: sizeBytes(limits?.bodyBytes, 10_485_760),
      headerTimeoutMs: durationMs(limits?.headerTimeout, 10_000),
      bodyIdleTimeoutMs: durationMs(limits?.bodyIdleTimeout, 30_000),
      keepAliveTimeoutMs: durationMs(limits?.keepAliveTimeout, 75_000),
      connections: limits?.connections ?? 20_000,
      connectionsPerClient: limits?.connectionsPerClient ?? 1000,
      trusts: compileNetworks(listener.trustedProxies),
      mergeSlashes: listener.mergeSlashes,
      allowEncodedSlashes: listener.allowEncodedSlashes,
      requestIdHeader: listener.requestId?.header.toLowerCase() || 'x-request-id',
    },
  };
}

/** The listener that a node has where the configuration says nothing about it. */
export function defaultListener(name: string, address: string): ListenerPlan {
  return buildListener(name, create(ListenerSchema, { address })).plan;
}
