import type { Cors } from '@sluice/proto';
import type { CorsPlan } from '../decide/cors.ts';
import { CannotBuild } from './cannot-build.ts';
import { durationMs } from './read-duration.ts';

export function buildCors(cors: Cors): CorsPlan {
  const origins = new Set<string>();
  const subdomains: { start: string; end: string }[] = [];
  for (const text of cors.origins) {
    if (text === '*') continue;
    const origin = parseOrigin(text);
    if (typeof origin === 'string') throw new CannotBuild(`cors.origins: ${origin}`);
    if (origin.wildcard) subdomains.push({ start: origin.start, end: `.${origin.host}` });
    else origins.add(origin.start + origin.host);
  }
  return {
    anyOrigin: cors.origins.includes('*'),
    origins,
    subdomains,
    methods: new Set(cors.methods.length === 0 ? ['GET', 'HEAD', 'POST'] : cors.methods),
    headers: new Set(cors.headers.map((name) => name.toLowerCase())),
    exposeHeaders: cors.exposeHeaders,
    credentials: cors.credentials,
    maxAgeSeconds: Math.floor(durationMs(cors.maxAge, 600_000) / 1000),
  };
}

/** An origin as configured: `start` is the scheme with `://`, `host` has the port where it is not the scheme's own. */
export interface OriginPattern {
  readonly start: string;
  readonly host: string;
  readonly wildcard: boolean;
}

const ORIGIN =
  /^([a-z][a-z0-9+.-]*:\/\/)(\*\.)?((?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?|\[[0-9a-f:.]+\])(:[0-9]{1,5})?$/;
const OWN_PORTS: ReadonlyMap<string, string> = new Map([
  ['http://', ':80'],
  ['https://', ':443'],
]);

/** Reads `scheme://host[:port]`, the host perhaps beginning with `*.`. A message where it is none. */
export function parseOrigin(text: string): OriginPattern | string {
  const match = ORIGIN.exec(text.toLowerCase());
  if (match === null)
    return `"${text}" is no origin; write scheme://host, with a port where it has one, or scheme://*.host`;
  const [, start = '', wildcard, host = '', port = ''] = match;
  return { start, host: OWN_PORTS.get(start) === port ? host : host + port, wildcard: wildcard !== undefined };
}
