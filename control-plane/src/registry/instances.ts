import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { durationFromMs, durationMs, timestampFromDate } from '@bufbuild/protobuf/wkt';
import { checkEndpointAddress, DEFAULT_REGISTRY_TTL_MS, INSTANCE_KIND, instanceName } from '@sluice/engine';
import {
  type DeregisterInstanceRequest,
  type DeregisterInstanceResponse,
  DeregisterInstanceResponseSchema,
  type HeartbeatRequest,
  type HeartbeatResponse,
  HeartbeatResponseSchema,
  type Instance,
  InstanceSchema,
  type ListInstancesRequest,
  type ListInstancesResponse,
  ListInstancesResponseSchema,
  type RegisterInstanceRequest,
  type RegisterInstanceResponse,
  RegisterInstanceResponseSchema,
} from '@sluice/proto';
import type { ControlContext } from '../config/context.ts';
import { toUnavailable } from '../config/make-change.ts';
import { done, type Outcome, refused } from '../config/outcome.ts';
import { pageSizeOf, readPageToken, writePageToken } from '../config/page-token.ts';
import { itemsAfter } from '../config/sorted-items.ts';
import { changeFacts } from '../facts/change-facts.ts';
import type { Heartbeats } from './heartbeats.ts';

/** What is the same for all requests. */
export interface RegistryContext extends ControlContext {
  readonly heartbeats: Heartbeats;
}

/** As many as a service may list. */
const MAX_OF_SERVICE = 1_000;
/** Of all services together. */
const MAX_INSTANCES = 20_000;

/** Adds an instance, or changes it. */
export async function registerInstance(
  context: RegistryContext,
  { instance: wanted }: RegisterInstanceRequest,
  author: string,
  most: { readonly ofService: number; readonly ofAll: number } = { ofService: MAX_OF_SERVICE, ofAll: MAX_INSTANCES },
): Promise<Outcome<RegisterInstanceResponse>> {
  const { state, now } = context;
  await state.ready;
  const { service, address: written, weight, zone } = wanted as Instance;
  const address = written.toLowerCase();
  const problem = checkEndpointAddress(address);
  if (problem !== undefined) return refused({ kind: 'invalid', message: `instance.address: ${problem}`, problems: [] });
  const ttlMs = ttlOf(context, service);
  if (!ttlMs.ok) return ttlMs;
  const name = instanceName(service, address);
  // Before it is there: what is there has a heartbeat.
  const heard = await hear(context, name);
  if (!heard.ok) return heard;
  const outcome = await changeFacts(context, () => {
    // The service may have changed before this was stored.
    const known = ttlOf(context, service);
    if (!known.ok) return known;
    const before = readInstance(context, name);
    const full = before === undefined ? fullness(context, service, most) : undefined;
    if (full !== undefined) return refused({ kind: 'exhausted', message: full });
    if (before !== undefined && before.weight === weight && before.zone === zone) return done(undefined);
    const registeredAt = before?.registeredAt ?? timestampFromDate(now());
    const instance = create(InstanceSchema, {
      service,
      address,
      zone,
      registeredAt,
      ...(weight !== undefined && { weight }),
    });
    return done({
      action: 'instance.register',
      author,
      detail: `service ${service}`,
      items: [{ kind: INSTANCE_KIND, name, content: toBinary(InstanceSchema, instance) }],
    });
  });
  if (!outcome.ok) return outcome;
  const ttl = durationFromMs(ttlMs.value);
  return done(create(RegisterInstanceResponseSchema, { ttl, factsVersion: BigInt(outcome.value) }));
}

/** An instance is still there. */
export async function heartbeat(
  context: RegistryContext,
  { service, address }: HeartbeatRequest,
): Promise<Outcome<HeartbeatResponse>> {
  const { state } = context;
  await state.ready;
  const name = instanceName(service, address.toLowerCase());
  if (state.facts.get(INSTANCE_KIND, name) === undefined) {
    return refused({ kind: 'notFound', message: `${service} has no instance ${address}; register it` });
  }
  const ttlMs = ttlOf(context, service);
  if (!ttlMs.ok) return ttlMs;
  const heard = await hear(context, name);
  return heard.ok ? done(create(HeartbeatResponseSchema, { ttl: durationFromMs(ttlMs.value) })) : heard;
}

/** Takes an instance away. */
export async function deregisterInstance(
  context: ControlContext,
  { service, address }: DeregisterInstanceRequest,
  author: string,
): Promise<Outcome<DeregisterInstanceResponse>> {
  const name = instanceName(service, address.toLowerCase());
  const outcome = await changeFacts(context, () => {
    if (context.state.facts.get(INSTANCE_KIND, name) === undefined) return done(undefined);
    return done({
      action: 'instance.deregister',
      author,
      detail: `service ${service}`,
      items: [{ kind: INSTANCE_KIND, name, content: undefined }],
    });
  });
  if (!outcome.ok) return outcome;
  return done(create(DeregisterInstanceResponseSchema, { factsVersion: BigInt(outcome.value) }));
}

/** Instances by service and address, a page at a time, from memory. */
export async function listInstances(
  { state }: ControlContext,
  request: ListInstancesRequest,
): Promise<Outcome<ListInstancesResponse>> {
  const after = readPageToken(request.pageToken, [''] as const);
  if (!after.ok) return after;
  await state.ready;
  const size = pageSizeOf(request.pageSize, 500, 5000);
  const instances: Instance[] = [];
  let last = '';
  for (const { name, content } of itemsAfter(state.facts, INSTANCE_KIND, after.value?.[0] ?? '')) {
    if (request.service !== '' && !name.startsWith(`${request.service}/`)) continue;
    if (instances.length === size) {
      return done(create(ListInstancesResponseSchema, { instances, nextPageToken: writePageToken([last]) }));
    }
    instances.push(fromBinary(InstanceSchema, content));
    last = name;
  }
  return done(create(ListInstancesResponseSchema, { instances }));
}

/** How long the instances of a service may be silent; why none can register. */
export function ttlOf({ state }: ControlContext, service: string): Outcome<number> {
  const spec = state.config.index.get(`Service/${service}`)?.resource.spec;
  if (spec?.case !== 'service') return refused({ kind: 'notFound', message: `there is no Service "${service}"` });
  const source = spec.value.discovery?.source;
  if (source?.case !== 'registry') {
    const message = `the instances of ${service} do not register: it has no discovery.registry`;
    return refused({ kind: 'failedPrecondition', message });
  }
  return done(source.value.ttl === undefined ? DEFAULT_REGISTRY_TTL_MS : durationMs(source.value.ttl));
}

async function hear({ heartbeats }: RegistryContext, name: string): Promise<Outcome<undefined>> {
  try {
    await heartbeats.save(name);
    return done(undefined);
  } catch (error) {
    return refused(toUnavailable(error));
  }
}

function readInstance({ state }: ControlContext, name: string): Instance | undefined {
  const item = state.facts.get(INSTANCE_KIND, name);
  return item && fromBinary(InstanceSchema, item.content);
}

function fullness(
  { state }: ControlContext,
  service: string,
  { ofService, ofAll }: { readonly ofService: number; readonly ofAll: number },
): string | undefined {
  if (state.facts.countOf(INSTANCE_KIND) >= ofAll)
    return `${ofAll} instances are registered; there is no room for more`;
  let own = 0;
  for (const { name } of state.facts.itemsOf(INSTANCE_KIND)) if (name.startsWith(`${service}/`)) own++;
  return own >= ofService ? `${service} has ${ofService} instances; there is no room for more` : undefined;
}
