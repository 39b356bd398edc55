import { BUILT_IN_ISSUER } from '@sluice/engine';
import type { ControlPlaneClient } from '../client/control-plane.ts';
import { readPages } from '../client/read-pages.ts';
import { CommandFailure, EXIT } from '../exit.ts';

/** What a token is told by, without its being verified. */
export interface TokenIdentity {
  readonly tokenId: string;
  /** Its `iss`. Undefined: only its id is known. */
  readonly issuer: string | undefined;
  /** Undefined: it is not known. */
  readonly endsMs: number | undefined;
}

/** Reads a whole token, or takes the text for the id of one. @throws CommandFailure where it can be no token, or has no id */
export function readTokenIdentity(text: string): TokenIdentity {
  const [, payload, signature] = text.split('.');
  if (payload === undefined || signature === undefined) return { tokenId: text, issuer: undefined, endsMs: undefined };
  const { jti, exp, iss } = readClaims(payload);
  if (typeof jti !== 'string')
    throw new CommandFailure('the token has no id (jti), and cannot be revoked alone', EXIT.failed);
  if (typeof iss !== 'string') throw new CommandFailure('the token names no issuer (iss); say --issuer', EXIT.failed);
  return { tokenId: jti, issuer: iss, endsMs: typeof exp === 'number' ? exp * 1000 : undefined };
}

/** The name of the Issuer that a token is of. @throws CommandFailure where none is, or where several may be */
export async function findIssuer({ config }: ControlPlaneClient, { issuer }: TokenIdentity): Promise<string> {
  if (issuer === undefined) return BUILT_IN_ISSUER;
  const stored = await readPages(
    (pageToken) => config.list({ kind: 'Issuer', pageSize: 1000, pageToken }),
    ({ resources }) => resources,
  );
  // What the built-in issuer is called where nobody says otherwise.
  const known = new Map([[BUILT_IN_ISSUER, BUILT_IN_ISSUER]]);
  for (const { resource } of stored) {
    if (resource?.spec.case === 'issuer') known.set(resource.name, resource.spec.value.issuer);
  }
  const names = [...known].filter(([, iss]) => iss === issuer).map(([name]) => name);
  const [name, ...others] = names;
  if (name === undefined) throw new CommandFailure(`the token is of "${issuer}", and no Issuer is`);
  if (others.length > 0) {
    throw new CommandFailure(`the token is of "${issuer}", as several Issuers are: say --issuer ${names.join(' or ')}`);
  }
  return name;
}

function readClaims(payload: string): { readonly jti?: unknown; readonly exp?: unknown; readonly iss?: unknown } {
  try {
    return Object(JSON.parse(Buffer.from(payload, 'base64url').toString())) as object;
  } catch {
    throw new CommandFailure('this is no token', EXIT.usage);
  }
}
