import { isIP } from 'node:net';
import { parseServerAddress } from '@sluice/proto/grpc-client';
import { InvalidArgumentError } from 'commander';
import type { ListenerAddress } from '../worker/messages.ts';

// What the flags of a node take. Each throws InvalidArgumentError with the form that is expected.

export function parseControlPlanes(text: string): readonly string[] {
  const addresses = text.split(',').map((each) => each.trim());
  if (addresses.some((each) => parseServerAddress(each) === undefined))
    throw new InvalidArgumentError(
      'It is http://HOST:PORT or https://HOST:PORT, or several of them with commas between.',
    );
  return addresses;
}

export function parseRedis(text: string): string {
  const url = URL.parse(text);
  if (url === null || !['redis:', 'rediss:'].includes(url.protocol) || url.hostname === '' || url.search !== '')
    throw new InvalidArgumentError('It is redis://[USER:PASSWORD@]HOST:PORT[/DB], or rediss://.');
  return text;
}

export function parseDnsServers(text: string): readonly string[] {
  const servers = text.split(',').map((each) => each.trim());
  if (servers.length > 8) throw new InvalidArgumentError('They are 8 at most.');
  for (const server of servers) {
    const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)|([0-9A-Fa-f:]+:[0-9A-Fa-f:.]*))(?::(\d{1,5}))?$/.exec(server);
    const address = match?.[1] ?? match?.[2] ?? match?.[3] ?? '';
    const port = Number(match?.[4] ?? 53);
    if (isIP(address) === 0 || port < 1 || port > 65_535)
      throw new InvalidArgumentError('It is an address, or ADDRESS:PORT, an IPv6 address with a port in brackets.');
  }
  return servers;
}

export function parseOtlp(text: string): string {
  if (!isOtlpEndpoint(text)) throw new InvalidArgumentError('It is http://HOST:PORT or https://HOST:PORT.');
  return text;
}

/** Without a query; who the node is to the receiver is said in OTEL_EXPORTER_OTLP_HEADERS. */
export function isOtlpEndpoint(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && ['http:', 'https:'].includes(url.protocol) && `${url.search}${url.hash}${url.username}` === '';
}

export function parseNodeId(text: string): string {
  if (!/^[A-Za-z0-9]([A-Za-z0-9._-]{0,126}[A-Za-z0-9])?$/.test(text)) {
    throw new InvalidArgumentError('It has 1 to 128 letters, digits, dots, dashes and underscores.');
  }
  return text;
}

export function parseLabel(text: string): string {
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text))
    throw new InvalidArgumentError('It is a DNS label, such as eu-west.');
  return text;
}

export function parseWorkers(text: string): number {
  const count = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > 64) throw new InvalidArgumentError('It is a whole number from 1 to 64.');
  return count;
}

export function collectBind(text: string, earlier: readonly ListenerAddress[]): readonly ListenerAddress[] {
  const all = text.split(',').map((each) => {
    const equals = each.indexOf('=');
    if (equals === -1) throw new InvalidArgumentError('It is NAME=HOST:PORT, such as http=0.0.0.0:8080.');
    return { name: parseLabel(each.slice(0, equals)), ...parseAddress(each.slice(equals + 1)) };
  });
  return [...earlier.filter(({ name }) => all.every((each) => each.name !== name)), ...all];
}

export function parseAddress(text: string): { host: string; port: number } {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65_535) throw new InvalidArgumentError('It is HOST:PORT, such as 127.0.0.1:9901.');
  return { host, port };
}

export function parseMebibytes(text: string): number {
  const mebibytes = Number(/^(\d{1,5})MiB$/.exec(text)?.[1] ?? Number.NaN);
  if (!(mebibytes <= 16_384)) throw new InvalidArgumentError('It is a size from 0MiB to 16384MiB, such as 64MiB.');
  return mebibytes * 1024 * 1024;
}

export function parseDuration(text: string): number {
  const match = /^(\d{1,6})(ms|s|m)$/.exec(text);
  const ms = Number(match?.[1]) * ({ ms: 1, s: 1000, m: 60_000 }[match?.[2] ?? ''] ?? Number.NaN);
  if (!(ms >= 0 && ms <= 600_000)) throw new InvalidArgumentError('It is a duration from 0s to 10m, such as 30s.');
  return ms;
}

/** Infinity: for any time. */
export function parseMaxStaleness(text: string): number {
  if (text === 'off') return Number.POSITIVE_INFINITY;
  const match = /^(\d{1,6})(ms|s|m|h|d)$/.exec(text);
  const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[match?.[2] ?? ''] ?? Number.NaN;
  const ms = Number(match?.[1]) * unitMs;
  if (!(ms >= 1000 && ms <= 30 * 86_400_000))
    throw new InvalidArgumentError('It is a duration from 1s to 30d, such as 10m, or off.');
  return ms;
}

export function parseLimiterCells(text: string): number {
  const cells = /^\d{1,8}$/.test(text) ? Number(text) : 0;
  if (cells < 2048 || cells > 2 ** 26 || (cells & (cells - 1)) !== 0)
    throw new InvalidArgumentError('It is a power of two from 2048 to 67108864.');
  return cells;
}
