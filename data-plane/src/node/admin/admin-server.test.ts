import { connect } from 'node:net';
import { createLog } from '@sluice/engine';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../proxy/testing/eventually.ts';
import { RawPeer } from '../../proxy/testing/raw-peer.ts';
import { type AdminAnswer, type AdminServer, startAdminServer } from './admin-server.ts';

const text = (body: AdminAnswer['body']): AdminAnswer => ({ status: 200, contentType: 'text/plain', body });

let admin: AdminServer;
let peers: RawPeer[] = [];
let said: string[] = [];
/** Bodies without end that are still written. */
let endless = 0;

beforeEach(async () => {
  said = [];
  const endpoints = {
    '/well': () => text('well'),
    '/fails': (): AdminAnswer => {
      throw new RangeError('at once');
    },
    '/breaks': () => text(breaks()),
    '/endless': () => text(runs()),
  };
  const log = createLog(
    'info',
    (line) => said.push(line),
    () => new Date(0),
  );
  admin = await startAdminServer({ host: '127.0.0.1', port: 0 }, endpoints, false, log, 200);
});
afterEach(async () => {
  for (const peer of peers) peer.destroy();
  peers = [];
  await admin.close();
});

function* breaks(): Generator<string> {
  yield 'x'.repeat(100_000);
  throw new RangeError('on its way');
}

function* runs(): Generator<string> {
  endless++;
  try {
    for (;;) yield 'x'.repeat(65_536);
  } finally {
    endless--;
  }
}

function ask(path: string): RawPeer {
  const peer = new RawPeer(connect(admin.port, admin.host));
  peers.push(peer);
  peer.send(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`);
  return peer;
}

test('an endpoint that fails is told, and fails neither the others nor the node', async () => {
  const failed = ask('/fails');
  expect(await failed.takeHead()).toMatch(/^HTTP\/1.1 500 /);
  const broken = ask('/breaks');
  expect(await broken.takeHead()).toMatch(/^HTTP\/1.1 200 /);
  await broken.takeEnding();
  expect(broken.received).not.toMatch(/\r\n0\r\n\r\n$/);
  expect(await ask('/well').take('well')).toMatch(/^HTTP\/1.1 200 /);
  expect(said).toMatchObject([expect.stringContaining('at once'), expect.stringContaining('on its way')]);
});

test('a reader that takes nothing is let go of, with what is written for it', async () => {
  ask('/endless').pause();
  await eventually(() => endless === 1, 'the begin of an answer');
  await eventually(() => endless === 0, 'its end');
});
