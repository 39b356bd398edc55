import type { Spec, World } from './field-case.ts';

export const anyPath = [{ path: { prefix: '/' } }];
export const next = { 'Service/next': { spec: { endpoints: [{ address: 'OTHER' }] } } };

export const route = (spec: Spec): { spec: Spec } => ({ spec: { match: anyPath, service: 's', ...spec } });
export const status = async ({ ask }: World): Promise<number> => (await ask()).status;
export const at =
  (target: string, headers: Record<string, string> = {}) =>
  async ({ ask }: World): Promise<number> =>
    (await ask({ target, headers })).status;

/** The last request's line and header at the origin. */
export async function atOrigin(world: World, target: string, header?: string): Promise<string | undefined> {
  await world.ask({ target, headers: { 'x-given': 'by client', 'x-api-key': world.key } });
  const request = world.origin.requests.at(-1)!;
  return header === undefined ? request.target : (request.header(header) ?? 'absent');
}
