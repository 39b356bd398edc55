import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { fetchKeySet } from './fetch-key-set.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.closeAllConnections();
});

async function serve(listener: RequestListener, server: Server = createServer()): Promise<string> {
  servers.push(server.on('request', listener));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys.json?v=1`;
}

const fetchFrom = async (listener: RequestListener) => fetchKeySet(await serve(listener), new AbortController().signal);
const KEYS = '{"keys":[]}';
/** One byte less than the longest set, and that. */
const sized = (bytes: number) => `{"keys":[]${' '.repeat(bytes - 11)}}`;

test('a key set is asked for once, by its whole address, and comes as it is', async () => {
  const asked: (string | undefined)[] = [];
  const fetched = await fetchFrom((request, response) => {
    asked.push(request.method, request.url, request.headers.accept);
    response.end(KEYS);
  });
  expect(fetched).toEqual({ document: KEYS, problems: [] });
  expect(asked).toEqual(['GET', '/keys.json?v=1', 'application/jwk-set+json, application/json']);
});

test('a set of the longest size is taken, and one byte more is not read to its end', async () => {
  expect(await fetchFrom((_, response) => response.end(sized(256 * 1024)))).toHaveProperty('document');
  expect(await fetchFrom((_, response) => response.end(sized(256 * 1024 + 1)))).toHaveProperty('failure');
});

describe('is none where the issuer', () => {
  const elsewhere = 'http://127.0.0.1:1/';
  test.each<[string, RequestListener, string | RegExp]>([
    ['fails', (_, response) => response.writeHead(500).end(KEYS), 'status 500'],
    ['sends us elsewhere', (_, response) => response.writeHead(302, { location: elsewhere }).end(KEYS), 'status 302'],
    ['answers with a page', (_, response) => response.end('<html>'), /no JSON Web Key Set/],
    ['answers with no keys', (_, response) => response.end('{}'), /no JSON Web Key Set/],
    ['answers with 10 MB', (_, response) => response.end(Buffer.alloc(10 * 1024 * 1024, 0x20)), /./],
    ['breaks off', (_, response) => response.write('{"keys":', () => response.destroy()), /./],
    ['says nothing', (request) => request.socket.destroy(), /./],
  ])('%s', async (_, listener, reason) => {
    expect(await fetchFrom(listener)).toEqual({ failure: expect.stringMatching(reason) });
  });

  test('is not there', async () => {
    expect(await fetchKeySet(elsewhere, new AbortController().signal)).toEqual({ failure: 'ECONNREFUSED' });
  });

  test('is slow, and the node ends', async () => {
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    const ending = new AbortController();
    const fetching = fetchKeySet(await serve(() => resolve()), ending.signal);
    await asked;
    ending.abort();
    expect(await fetching).toHaveProperty('failure');
  });

  test('has a certificate of nobody we know', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'sluice-tls-'));
    try {
      const [key, cert] = ['key.pem', 'cert.pem'].map((name) => join(directory, name)) as [string, string];
      const request = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1`;
      const subject = ['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert];
      execFileSync('openssl', [...request.split(' '), ...subject], { stdio: 'ignore' });
      const server = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) });
      const url = await serve((_, response) => response.end(KEYS), server as unknown as Server);
      const signal = new AbortController().signal;
      const fetched = await fetchKeySet(url.replace('http:', 'https:'), signal);
      expect(fetched).toEqual({ failure: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
