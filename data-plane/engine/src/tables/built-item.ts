/**
 * One item of a track, built: decoded, checked, defaulted and compiled, with the shared-memory slots it needs.
 * Building is pure but for the slots; what cannot be built comes back as a reason, and an ActiveSet holds it.
 */
import { type DescMessage, fromBinary, type Message } from '@bufbuild/protobuf';
import { ApiKeySchema, type Resource, ResourceSchema, RouteMatchSchema } from '@sluice/proto';
import { compileSupportCheck } from '../config/check-supported.ts';
import { UNSUPPORTED } from '../config/unsupported.ts';
import { type BuiltApiKey, buildApiKey } from './build-api-key.ts';
import { type BuiltConsumer, buildConsumer } from './build-consumer.ts';
import { type BuiltFoundEndpoints, buildFoundEndpoints, FOUND_ENDPOINTS_KIND } from './build-found-endpoints.ts';
import { type BuiltInstance, buildInstance, INSTANCE_KIND } from './build-instance.ts';
import { type BuiltIssuer, buildIssuer } from './build-issuer.ts';
import { type BuiltKeySet, buildKeySet, KEY_SET_KIND } from './build-key-set.ts';
import { type BuiltListener, buildListener } from './build-listener.ts';
import { type BuiltPolicy, buildPolicy } from './build-policy.ts';
import { buildRefusingRoute } from './build-refusing-route.ts';
import { type BuiltRoute, buildRoute } from './build-route.ts';
import { type BuiltService, buildService } from './build-service.ts';
import {
  type BuiltRevokedToken,
  type BuiltSigningKey,
  buildRevokedToken,
  buildSigningKey,
  REVOKED_TOKEN_KIND,
  SIGNING_KEY_KIND,
} from './build-token-facts.ts';
import { CannotBuild } from './cannot-build.ts';
import { findUnknownField } from './unknown-fields.ts';

/** An item as it travels: the stored bytes and what they are. */
export interface TrackItem {
  readonly kind: string;
  readonly name: string;
  readonly content: Uint8Array;
  /** The secrets that the content names by their fingerprints. Unset: none. */
  readonly secrets?: ItemSecret[];
}

/** A secret in the clear, where it is needed. */
export interface ItemSecret {
  /** The place in the resource, without list indexes. */
  readonly field: string;
  readonly fingerprint: string;
  readonly value: string;
}

export type ItemKey = `${string}/${string}`;

export function itemKey(item: { readonly kind: string; readonly name: string }): ItemKey {
  return `${item.kind}/${item.name}`;
}

/** Stable numbers of cells in shared memory, each for good in this process. */
export interface SlotSource {
  route(name: string): number;
  service(name: string): number;
  endpoint(service: string, address: string): number;
  limit(id: string): number;
  policy(name: string): number;
}

export interface BuildContext {
  /** The node's group: endpoints of other groups are left out. */
  readonly group: string;
  /** The node's zone. Unset or empty: none. */
  readonly zone?: string | undefined;
  readonly slots: SlotSource;
}

export type BuiltItem =
  | BuiltRoute
  | BuiltService
  | BuiltPolicy
  | BuiltConsumer
  | BuiltIssuer
  | BuiltListener
  | BuiltApiKey
  | BuiltKeySet
  | BuiltFoundEndpoints
  | BuiltInstance
  | BuiltSigningKey
  | BuiltRevokedToken
  | { readonly kind: 'NodeGroup'; readonly name: string };

/**
 * @param isKnownGood it was built before by this version: whether the version knows all of it is not looked at again
 * @returns the built item, or why this version of the node cannot build it.
 */
export function buildItem(item: TrackItem, context: BuildContext, isKnownGood = false): BuiltItem | CannotBuild {
  try {
    if (item.kind === 'ApiKey') {
      const key = fromBinary(ApiKeySchema, item.content);
      if (!isKnownGood) refuseUnknownFields(ApiKeySchema, key);
      return buildApiKey(item.name, key, context.slots);
    }
    if (item.kind === KEY_SET_KIND) return buildKeySet(item.name, item.content);
    if (item.kind === FOUND_ENDPOINTS_KIND) return buildFoundEndpoints(item.name, item.content, context.slots);
    if (item.kind === INSTANCE_KIND) return buildInstance(item.name, item.content, context.slots);
    if (item.kind === SIGNING_KEY_KIND) return buildSigningKey(item.name, item.content);
    if (item.kind === REVOKED_TOKEN_KIND) return buildRevokedToken(item.name, item.content);
    const resource = fromBinary(ResourceSchema, item.content);
    if (!isKnownGood) refuseUnknown(resource);
    return buildResource(item, resource, context);
  } catch (error) {
    if (error instanceof CannotBuild) return error;
    return new CannotBuild(`does not decode: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** As {@link buildItem}, of what should be an API key. */
export function buildApiKeyItem(
  item: TrackItem,
  context: BuildContext,
  isKnownGood = false,
): BuiltApiKey | CannotBuild {
  const built = buildItem(item, context, isKnownGood);
  return built instanceof CannotBuild || built.kind === 'ApiKey' ? built : new CannotBuild('it is no API key');
}

/**
 * What stands for an item that cannot be built and has no older version: a route takes its requests to refuse them. Undefined where it
 * is no route, or where even the requests it takes are not known.
 */
export function buildRefusing(item: TrackItem, { slots }: BuildContext): BuiltRoute | undefined {
  if (item.kind !== 'Route') return undefined;
  try {
    const resource = fromBinary(ResourceSchema, item.content);
    if (resource.spec.case === 'route') {
      for (const match of resource.spec.value.match) refuseUnknownFields(RouteMatchSchema, match);
    }
    return buildRefusingRoute(item.name, resource, slots);
  } catch {
    return undefined;
  }
}

/** The keys of the items that an item refers to and cannot work without. */
export function referencesOf(item: BuiltItem): readonly ItemKey[] {
  return item.kind === 'Route' || item.kind === 'Policy' ? item.references : [];
}

function buildResource(item: TrackItem, resource: Resource, context: BuildContext): BuiltItem {
  const { spec } = resource;
  switch (spec.case) {
    case 'route':
      return buildRoute(item.name, spec.value, context);
    case 'service':
      return buildService(item.name, spec.value, context);
    case 'policy':
      return buildPolicy(item.name, spec.value, context);
    case 'consumer':
      return buildConsumer(item.name, spec.value, context.slots);
    case 'listener':
      return buildListener(item.name, spec.value);
    case 'nodeGroup':
      return { kind: 'NodeGroup', name: item.name };
    case 'issuer':
      return buildIssuer(item.name, spec.value, item.secrets ?? []);
    case 'certificate':
    case undefined:
      throw new CannotBuild(`this version of the node has no ${item.kind}`);
    default:
      return spec satisfies never;
  }
}

function refuseUnknown(resource: Resource): void {
  refuseUnknownFields(ResourceSchema, resource);
  if (resource.spec.case !== undefined) refuseUnsupported(resource);
}

/** The node holds what the control plane of its version refuses: neither would do what it says. */
function refuseUnsupported(resource: Resource): void {
  const found: string[] = [];
  checkSupported(resource, ({ field, message }) => found.push(field === '' ? message : `${field}: ${message}`));
  if (found.length > 0) throw new CannotBuild(found.join('; '));
}

const checkSupported = compileSupportCheck(UNSUPPORTED);

/** A field that this version does not know might be the one that protects something, so it is never ignored. */
function refuseUnknownFields(desc: DescMessage, message: Message): void {
  const place = findUnknownField(desc, message);
  if (place !== undefined) throw new CannotBuild(`has a field that this version of the node does not know: ${place}`);
}
