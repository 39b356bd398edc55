import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLog } from '@sluice/engine';
import { expect, test } from 'vitest';
import { eventually } from '../../proxy/testing/eventually.ts';
import { KeySetRefresher } from './key-set-refresher.ts';

test('a key set that cannot be made active is told, and tried again', async () => {
  const issuer = createServer((_, response) => response.end('{"keys":[]}')).listen(0, '127.0.0.1');
  await once(issuer, 'listening');
  const url = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/keys`;
  const said: string[] = [];
  const active: string[] = [];
  let tries = 0;
  const refresher = new KeySetRefresher(
    {
      log: createLog(
        'error',
        (line) => said.push(line),
        () => new Date(0),
      ),
      async activate(_, __, document) {
        if (++tries === 1) throw new RangeError('Array buffer allocation failed');
        active.push(document);
      },
      settled: () => undefined,
    },
    'i',
    { url, refreshMs: 50 },
    undefined,
  );
  try {
    await eventually(() => active.length > 0, 'an active key set');
    expect(active).toEqual(['{"keys":[]}']);
    expect(said).toEqual([expect.stringContaining('the keys of an issuer cannot be made active issuer=i')]);
  } finally {
    refresher.close();
    issuer.close();
  }
});
