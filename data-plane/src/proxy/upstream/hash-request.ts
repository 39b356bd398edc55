import { type HashPart, hashText, readQueryParameter } from '@sluice/engine';
import type { Exchange } from '../exchange.ts';
import { readCookie } from '../identity/cookies.ts';

/** A 32-bit hash of these parts of a request, the same on every node. What it does not have, its client's address stands for. */
export function hashRequest(x: Exchange, parts: readonly HashPart[]): number {
  let hash = 0;
  for (let i = 0; i < parts.length; i++) {
    hash = hashText(textOf(x, parts[i] as HashPart) ?? x.client.peer.clientGroup(x.head, x.listener), hash);
  }
  return hash;
}

function textOf(x: Exchange, part: HashPart): string | undefined {
  switch (part.kind) {
    case 'consumer':
      return x.caller?.consumer?.name;
    case 'clientIp':
      return undefined;
    case 'path':
      return x.path;
    case 'header':
      return x.header(part.name);
    case 'cookie':
      return readCookie(x.head, part.name);
    case 'query':
      return readQueryParameter(x.query, part.name);
    default:
      return part satisfies never;
  }
}
