/**
 * Applies revision after revision on an embedded database until it is killed, and prints `loaded N DIGEST JSON` once and `acked N` after each answer.
 * Revision N gives one of seven services the port N; every tenth removes one instead.
 */

import { create } from '@bufbuild/protobuf';
import { deleteResources, openStore } from '@sluice/control-plane';
import { DeleteRequestSchema } from '@sluice/proto';
import { apply, openReplica, portsOf, service } from './resources.ts';

const dataDir = process.argv[2];
if (dataDir === undefined) throw new Error('usage: apply-forever.ts DATA_DIR');
const store = await openStore({ database: 'embedded', dataDir });
const replica = await openReplica(store, 60_000);
const { state } = replica;
const digest = Buffer.from(state.config.digest()).toString('hex');
process.stdout.write(`loaded ${state.config.revision} ${digest} ${JSON.stringify(portsOf(state))}\n`);
for (;;) {
  const revision = state.config.revision + 1;
  const name = `s${revision % 7}`;
  const removes = revision % 10 === 0 && state.config.get('Service', name) !== undefined;
  const outcome = removes
    ? await deleteResources(replica, create(DeleteRequestSchema, { refs: [{ kind: 'Service', name }] }), 'test')
    : await apply(replica, [service(name, revision)]);
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.failure));
  process.stdout.write(`acked ${outcome.value.revision}\n`);
}
