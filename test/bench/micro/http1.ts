import * as http1 from '@sluice/data-plane/http1';

/**
 * Time per head of the HTTP/1.1 codec, in nanoseconds: the best of several rounds, which is what the machine does when
 * nothing disturbs it. Run by hand: node test/bench/micro/http1.ts
 */
const rounds = 12;
const perRound = 200_000;

const requests = {
  'request, 4 fields': [
    'GET /api/users/42 HTTP/1.1',
    'Host: api.example.com:8080',
    'User-Agent: wrk/4.2',
    'Accept: */*',
    'X-API-Key: sk_live_0123456789abcdefghijklmn',
  ],
  'request, 14 fields': [
    'GET /api/users/42?expand=teams HTTP/1.1',
    'Host: api.example.com',
    'Connection: keep-alive',
    'Cache-Control: max-age=0',
    'sec-ch-ua: "Chromium";v="130", "Not?A_Brand";v="99"',
    'sec-ch-ua-mobile: ?0',
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36',
    'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
    'Sec-Fetch-Site: same-origin',
    'Sec-Fetch-Mode: cors',
    'Referer: https://www.example.com/teams/identity',
    'Accept-Encoding: gzip, deflate, br, zstd',
    'Accept-Language: en-US,en;q=0.9',
    'Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; _ga=GA1.1.123456789.1700000000',
    'Authorization: Bearer eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJlLXNpZ25hdHVyZS1zaWduYXR1cmU',
  ],
};

const response = head([
  'HTTP/1.1 200 OK',
  'Server: nginx/1.22.1',
  'Date: Sat, 21 Nov 2026 07:28:00 GMT',
  'Content-Type: application/json',
  'Content-Length: 27',
  'Last-Modified: Sat, 21 Nov 2026 07:00:00 GMT',
  'Connection: keep-alive',
  'ETag: "673f0000-1b"',
  'Accept-Ranges: bytes',
]);

const requestReader = http1.createRequestHeadReader();
const responseReader = new http1.ResponseHeadReader();
const writer = new http1.HeadWriter();
const target = Buffer.alloc(8192);
let sink = 0;

for (const [name, lines] of Object.entries(requests)) {
  const bytes = head(lines);
  measure(`read ${name}`, () => {
    sink += (requestReader.read(bytes, 0) as http1.RequestHead).headers.length;
  });
  measure(`read and forward ${name}`, () => {
    const read = requestReader.read(bytes, 0) as http1.RequestHead;
    writer.request(read.method, read.path, read.host);
    writer.forward(read, http1.REQUEST_DROP);
    writer.field('x-request-id', '0123456789abcdef0123456789abcdef');
    // As a socket does: a string of pieces is joined when its bytes are taken.
    sink += target.write(writer.end() ?? '', 'latin1');
  });
}
measure('read response, 8 fields', () => {
  sink += (responseReader.read(response, 0, 'GET') as http1.ResponseHead).headers.length;
});
measure('read and forward response, 8 fields', () => {
  const read = responseReader.read(response, 0, 'GET') as http1.ResponseHead;
  writer.response(read.status, read.reason);
  writer.forward(read, http1.RESPONSE_DROP);
  writer.contentLength(read.contentLength);
  sink += target.write(writer.end() ?? '', 'latin1');
});

const chunks = Buffer.from(`400\r\n${'c'.repeat(1024)}\r\n`.repeat(16), 'latin1');
const decoder = new http1.ChunkedDecoder();
decoder.begin();
measure('relay 16 chunks of 1 KiB', () => {
  sink += (http1.relayChunked(decoder, chunks, 0, false) as http1.Relayed).bytes.length;
});
if (sink === 0) throw new Error('nothing was measured');

function measure(name: string, once: () => void): void {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const from = process.hrtime.bigint();
    for (let i = 0; i < perRound; i++) once();
    best = Math.min(best, Number(process.hrtime.bigint() - from) / perRound);
  }
  console.log(`${name.padEnd(40)} ${best.toFixed(0).padStart(6)} ns`);
}

function head(lines: readonly string[]): Buffer {
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}
