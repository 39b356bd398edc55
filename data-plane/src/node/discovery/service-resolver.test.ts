import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createLog } from '@sluice/engine';
import { expect, test } from 'vitest';
import { eventually } from '../../proxy/testing/eventually.ts';
import { Turns } from '../turns.ts';
import type { FoundAddress } from './dns-records.ts';
import { ServiceResolver } from './service-resolver.ts';

/** One address for each question, good for a second (RFC 1035, 4.1). */
function answer(query: Buffer): Buffer {
  const head = Buffer.from(query.subarray(0, 12));
  head.writeUInt16BE(0x8180, 2);
  head.writeUInt16BE(1, 6);
  head.fill(0, 8);
  const question = query.subarray(12, query.indexOf(0, 12) + 5);
  const isA = question.readUInt16BE(question.length - 4) === 1;
  const record = Buffer.from(isA ? 'c00c00010001000000010004cb007101' : '', 'hex');
  head.writeUInt16BE(isA ? 1 : 0, 6);
  return Buffer.concat([head, question, record]);
}

test('endpoints that cannot be made active are told, and tried again', async () => {
  const dns = createSocket('udp4', (query, { port, address }) => dns.send(answer(query), port, address));
  dns.bind(0, '127.0.0.1');
  await once(dns, 'listening');
  const said: string[] = [];
  const active: (readonly FoundAddress[])[] = [];
  let tries = 0;
  const resolver = new ServiceResolver(
    {
      log: createLog(
        'error',
        (line) => said.push(line),
        () => new Date(0),
      ),
      servers: [`127.0.0.1:${dns.address().port}`],
      turns: new Turns(1),
      async activate(_, found) {
        if (++tries === 1) throw new RangeError('Array buffer allocation failed');
        return active.push(found) > 0;
      },
    },
    's',
    { kind: 'dns', name: 'a.example', port: 80, refreshMs: 50 },
    [],
  );
  try {
    await eventually(() => active.length > 0, 'active endpoints');
    expect(active[0]).toEqual([{ address: '203.0.113.1:80', weight: 1, priority: 0 }]);
    expect(said).toEqual([expect.stringContaining('the endpoints of a service cannot be made active service=s')]);
  } finally {
    resolver.close();
    dns.close();
  }
});
