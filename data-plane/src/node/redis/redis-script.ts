import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

export interface RedisScript {
  readonly text: string;
  /** By which a server that has seen it knows it. */
  readonly sha: string;
}

/** Reads a Lua script. @param url beside the module that uses it: `new URL('x.lua', import.meta.url)` */
export function readScript(url: URL): RedisScript {
  const text = readFileSync(url, 'utf8');
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}
