import { create } from '@bufbuild/protobuf';
import { decodeResource, isKind } from '@sluice/engine';
import { type GetRequest, type GetResponse, GetResponseSchema } from '@sluice/proto';
import type { ControlContext } from './context.ts';
import { toUnavailable } from './make-change.ts';
import { done, type Outcome, refused } from './outcome.ts';
import { resolveRevision } from './resolve-revision.ts';

/** One resource, now or at a revision. The current one is known while the database is away, too. */
export async function getResource({ state }: ControlContext, request: GetRequest): Promise<Outcome<GetResponse>> {
  const { kind = '', name = '' } = request.ref ?? {};
  try {
    const at = await resolveRevision(state, request.revision);
    if (!at.ok) return at;
    const item =
      at.value === state.config.revision || !isKind(kind) || name.includes('\0')
        ? state.config.get(kind, name)
        : await state.ask((store) => store.getAt('config', { kind, name }, at.value));
    if (item?.content === undefined) {
      const when = request.revision === undefined ? '' : ` at revision ${at.value}`;
      return refused({ kind: 'notFound', message: `${kind} "${name}" is not there${when}` });
    }
    const resource = { resource: decodeResource(item.content), revision: BigInt(item.revision) };
    return done(create(GetResponseSchema, { resource }));
  } catch (error) {
    return refused(toUnavailable(error));
  }
}
