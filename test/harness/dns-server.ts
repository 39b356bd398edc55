import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

export type DnsRecord = {
  /** Default: the name that was asked for. */
  readonly name?: string;
  /** Seconds; default 1. */
  readonly ttl?: number;
} & (
  | { readonly type: 'A' | 'AAAA'; readonly ip: string }
  | { readonly type: 'CNAME'; readonly target: string }
  | {
      readonly type: 'SRV';
      readonly target: string;
      readonly port: number;
      readonly priority?: number;
      readonly weight?: number;
    }
);

export type DnsQuestion = { readonly name: string; readonly type: string; readonly over: 'udp' | 'tcp' };

export type DnsReply =
  /** No records: an empty answer. `rcode`: 2 SERVFAIL, 3 NXDOMAIN, 5 REFUSED. */
  | { readonly records?: readonly DnsRecord[]; readonly rcode?: number; readonly truncated?: boolean }
  | 'silence'
  | 'nonsense';

export type DnsServer = AsyncDisposable & {
  /** `127.0.0.1:PORT`, over UDP and TCP. */
  readonly address: string;
  readonly questions: DnsQuestion[];
  /** Decides each answer; may be replaced at any time. The default knows no name. */
  reply: (question: DnsQuestion) => DnsReply;
};

const TYPES: Readonly<Record<number, string>> = { 1: 'A', 5: 'CNAME', 28: 'AAAA', 33: 'SRV' };
const NUMBERS = { A: 1, CNAME: 5, AAAA: 28, SRV: 33 } as const;
/** What is longer is truncated over UDP. */
const UDP_BYTES = 1232;

/** Starts a DNS server that says what it is told (RFC 1035). */
export async function startDnsServer(): Promise<DnsServer> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await listen();
    } catch (error) {
      // The port that UDP has may be another's over TCP.
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || attempt > 20) throw error;
    }
  }
}

async function listen(): Promise<DnsServer> {
  const udp = createSocket('udp4');
  await new Promise<void>((resolve) => udp.bind(0, '127.0.0.1', resolve));
  const { port } = udp.address();
  const tcp = createServer((socket) => {
    let received = Buffer.alloc(0);
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const length = received.readUInt16BE(0);
        const answer = respond(received.subarray(2, 2 + length), 'tcp');
        received = received.subarray(2 + length);
        if (answer === undefined) continue;
        const prefix = Buffer.alloc(2);
        prefix.writeUInt16BE(answer.length);
        socket.write(Buffer.concat([prefix, answer]));
      }
    });
  });
  try {
    await new Promise<void>((resolve, reject) => tcp.once('error', reject).listen(port, '127.0.0.1', resolve));
  } catch (error) {
    udp.close();
    throw error;
  }
  const sockets = new Set<{ destroy: () => void }>();
  tcp.on('connection', (socket) => sockets.add(socket));
  const server: DnsServer = {
    address: `127.0.0.1:${port}`,
    questions: [],
    reply: () => ({ rcode: 3 }),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await Promise.all([new Promise<void>((resolve) => udp.close(resolve)), new Promise((done) => tcp.close(done))]);
    },
  };

  function respond(query: Buffer, over: 'udp' | 'tcp'): Buffer | undefined {
    const { question, end } = readQuestion(query, over);
    server.questions.push(question);
    const reply = server.reply(question);
    if (reply === 'silence') return undefined;
    if (reply === 'nonsense') return Buffer.concat([query.subarray(0, 2), Buffer.alloc(40, 0xff)]);
    const answer = encode(query, end, reply, over === 'udp' && reply.truncated === true);
    return over === 'udp' && answer.length > UDP_BYTES ? encode(query, end, reply, true) : answer;
  }

  udp.on('message', (query, peer) => {
    const answer = respond(query, 'udp');
    if (answer !== undefined) udp.send(answer, peer.port, peer.address);
  });
  return server;
}

function readQuestion(query: Buffer, over: 'udp' | 'tcp'): { question: DnsQuestion; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  const type = query.readUInt16BE(at + 1);
  return { question: { name: labels.join('.'), type: TYPES[type] ?? String(type), over }, end: at + 5 };
}

function encode(query: Buffer, end: number, reply: Exclude<DnsReply, string>, truncated: boolean): Buffer {
  const records = truncated ? [] : (reply.records ?? []);
  const head = Buffer.alloc(12);
  query.copy(head, 0, 0, 2);
  head.writeUInt16BE(0x8180 | (truncated ? 0x0200 : 0) | (reply.rcode ?? 0), 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(records.length, 6);
  return Buffer.concat([head, query.subarray(12, end), ...records.map(encodeRecord)]);
}

function encodeRecord(record: DnsRecord): Buffer {
  // The name that was asked for stands at the twelfth byte.
  const name = record.name === undefined ? Buffer.from([0xc0, 12]) : encodeName(record.name);
  const data = encodeData(record);
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(NUMBERS[record.type], 0);
  fixed.writeUInt16BE(1, 2);
  fixed.writeUInt32BE(record.ttl ?? 1, 4);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([name, fixed, data]);
}

function encodeData(record: DnsRecord): Buffer {
  switch (record.type) {
    case 'A':
      return Buffer.from(record.ip.split('.').map(Number));
    case 'AAAA':
      return encodeAddress(record.ip);
    case 'CNAME':
      return encodeName(record.target);
    case 'SRV': {
      const numbers = Buffer.alloc(6);
      numbers.writeUInt16BE(record.priority ?? 0, 0);
      numbers.writeUInt16BE(record.weight ?? 0, 2);
      numbers.writeUInt16BE(record.port, 4);
      return Buffer.concat([numbers, encodeName(record.target)]);
    }
    default:
      return record satisfies never;
  }
}

function encodeAddress(ip: string): Buffer {
  const [front = '', back] = ip.split('::');
  const words = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((word) => Number.parseInt(word, 16));
  const [before, after] = [words(front), words(back ?? '')];
  const all = [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after];
  const bytes = Buffer.alloc(16);
  all.forEach((word, index) => {
    bytes.writeUInt16BE(word, index * 2);
  });
  return bytes;
}

function encodeName(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '');
  return Buffer.concat([
    ...labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')])),
    Buffer.from([0]),
  ]);
}
