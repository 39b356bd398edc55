import { randomBytes } from 'node:crypto';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  ApplyRequestSchema,
  type ApplyResponse,
  DeleteRequestSchema,
  type Resource,
  ResourceSchema,
} from '@sluice/proto';
import { ControlState, type ControlStateOptions } from '../../state/control-state.ts';
import type { Store } from '../../store/store.ts';
import { applyResources } from '../apply.ts';
import type { ControlContext } from '../context.ts';
import { deleteResources } from '../delete.ts';
import type { Outcome } from '../outcome.ts';
import { SecretSeal } from '../secret-seal.ts';

type Extra = Partial<Pick<MessageInitShape<typeof ResourceSchema>, 'labels' | 'nodeGroups'>>;

export function service(name: string, address = '127.0.0.1:9000', extra: Extra = {}): Resource {
  return create(ResourceSchema, { name, ...extra, spec: { case: 'service', value: { endpoints: [{ address }] } } });
}

export function route(name: string, prefix: string, service: string, extra: Extra = {}): Resource {
  const match = [{ path: { kind: { case: 'prefix' as const, value: prefix } } }];
  return create(ResourceSchema, { name, ...extra, spec: { case: 'route', value: { match, service } } });
}

export function consumer(name: string, extra: Extra = {}): Resource {
  return create(ResourceSchema, { name, ...extra, spec: { case: 'consumer', value: {} } });
}

export function nodeGroup(name: string, extra: Extra = {}): Resource {
  return create(ResourceSchema, { name, ...extra, spec: { case: 'nodeGroup', value: {} } });
}

/** A state that has read the store, and what the operations need beside it. */
export async function openContext(
  store: Store,
  options: Partial<ControlStateOptions> & { now?: () => Date; seal?: SecretSeal } = {},
): Promise<ControlContext> {
  const { seal = new SecretSeal(randomBytes(32)), now = () => new Date(), ...rest } = options;
  const state = new ControlState({ store, pollIntervalMs: 20, now, ...rest });
  await state.ready;
  return { state, seal, now };
}

export function apply(
  context: ControlContext,
  resources: Resource[],
  options: Omit<MessageInitShape<typeof ApplyRequestSchema>, 'resources' | '$typeName'> = {},
): Promise<Outcome<ApplyResponse>> {
  return applyResources(context, create(ApplyRequestSchema, { ...options, resources }), 'alice');
}

export function remove(
  context: ControlContext,
  keys: readonly string[],
  options: Omit<MessageInitShape<typeof DeleteRequestSchema>, 'refs' | '$typeName'> = {},
) {
  const refs = keys.map((key) => {
    const [kind = '', name = ''] = key.split('/');
    return { kind, name };
  });
  return deleteResources(context, create(DeleteRequestSchema, { ...options, refs }), 'alice');
}

/** The value, or the failure as an error. */
export function expectDone<T>(outcome: Outcome<T>): T {
  if (outcome.ok) return outcome.value;
  throw new Error(JSON.stringify(outcome.failure));
}
