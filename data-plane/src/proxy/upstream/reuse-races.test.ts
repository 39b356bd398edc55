import { describe, expect, test } from 'vitest';
import { simple } from '../testing/manifests.ts';
import { ProxyRig } from '../testing/proxy-rig.ts';
import type { RawPeer } from '../testing/raw-peer.ts';

const REQUESTS = 600;
const CLIENTS = 8;

/** What an upstream does with a connection once it answered on it so often. */
const endings: Readonly<Record<string, (peer: RawPeer, unused: () => Promise<void>) => Promise<void> | void>> = {
  'closes it with the answer': (peer) => peer.end(),
  'resets it with the answer': async (peer) => {
    // A reset takes what the gateway has not read yet with it, so the answer goes first.
    await new Promise((resolve) => setImmediate(resolve));
    peer.reset();
  },
  'closes it a moment later': async (peer) => {
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 3));
    peer.end();
  },
  'resets it a moment later': async (peer) => {
    await new Promise((resolve) => setTimeout(resolve, 1 + Math.random() * 3));
    peer.reset();
  },
  'closes it when the next request comes': async (peer, next) => {
    await next();
    peer.end();
  },
  'resets it when the next request comes': async (peer, next) => {
    await next();
    peer.reset();
  },
};

/** Answers one to three requests on each connection with their own target, then ends it. Gives what it answered. */
function misbehave(rig: ProxyRig, end: (typeof endings)[string]): Map<string, number> {
  const answered = new Map<string, number>();
  const serve = async (peer: RawPeer): Promise<void> => {
    const next = () =>
      peer.until(() => peer.received.includes('\r\n\r\n') || peer.ending !== 'open' || peer.closed, 'next');
    for (let left = 1 + Math.floor(Math.random() * 3); left > 0; left--) {
      await next().catch(() => undefined);
      if (peer.ending !== 'open' || peer.closed) return;
      const { head } = await peer.takeMessage();
      const target = head.split(' ')[1] as string;
      answered.set(target, (answered.get(target) ?? 0) + 1);
      peer.send(`HTTP/1.1 200 OK\r\nContent-Length: ${target.length}\r\n\r\n${target}`);
    }
    await Promise.resolve(end(peer, next)).catch(() => undefined);
  };
  rig.origin.onConnection = (peer) => void serve(peer);
  return answered;
}

async function askAll(rig: ProxyRig, request: (n: number) => string): Promise<Map<string, string>> {
  const answers = new Map<string, string>();
  let next = 0;
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      const client = await rig.connect();
      while (next < REQUESTS) {
        const n = next++;
        client.send(request(n));
        const { head, body } = await client.takeMessage();
        answers.set(`/${n}`, head.startsWith('HTTP/1.1 200') ? body : head.slice(9, 12));
      }
    }),
  );
  return answers;
}

describe.each(Object.entries(endings))('an upstream that answers a few requests on a connection and %s', (_, end) => {
  test(`fails none of ${REQUESTS} that change nothing`, async () => {
    await using rig = await ProxyRig.start(simple());
    misbehave(rig, end);
    const answers = await askAll(rig, (n) => `GET /${n} HTTP/1.1\r\nHost: a\r\n\r\n`);
    expect([...answers].filter(([target, answer]) => answer !== target)).toEqual([]);
    expect(rig.origin.connections.length).toBeGreaterThan(REQUESTS / 6);
  });

  test(`gets none of ${REQUESTS} others twice, and none that it answered is failed`, async () => {
    await using rig = await ProxyRig.start(simple());
    const answered = misbehave(rig, end);
    const answers = await askAll(rig, (n) => `POST /${n} HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nonce`);
    expect([...answered].filter(([, times]) => times > 1)).toEqual([]);
    const wrong = [...answers].filter(
      ([target, answer]) => answer !== target && (answer !== '502' || answered.has(target)),
    );
    expect(wrong).toEqual([]);
  });
});
