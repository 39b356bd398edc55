/**
 * Sends requests when they are due, whether or not earlier ones were answered:
 * `node main.ts PORT RATE SECONDS CONNECTIONS REQUESTS_FILE SEED`. One line of JSON at the end.
 *
 * A latency counts from the time the request was due. Where all connections are in use it waits here and the wait counts,
 * so a slow proxy is not asked less often (no coordinated omission). `lateP99Ms` is this program's own part: how long
 * after it was due a request was written while a connection was free.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { quantile } from '../figure.ts';
import { host } from '../workload.ts';
import { type Connection, openConnection } from './connection.ts';
import { makeArrivals } from './schedule.ts';

const [port, rate, seconds, connections] = process.argv.slice(2, 6).map(Number) as [number, number, number, number];
const requests = readRequests(process.argv[6]!);
const arrivals = makeArrivals(rate, Number(process.argv[7]));

/** The first part of the run is not counted: connections, caches and compiled code get ready. */
const warmUpMs = Math.min(1000, seconds * 250);
/** Longest sleep between two looks at the sockets: what is lost at most before an answer is noticed. */
const napMs = 0.02;
/** How long answers are waited for after the last request. */
const graceMs = 5000;

const pauseCell = new Int32Array(new SharedArrayBuffer(4));
sleepPrecisely();
const free: Connection[] = [];
const dueOf = new Map<Connection, number>();
const latencies: number[] = [];
const lates: number[] = [];
const waiting: number[] = [];
let [sent, answered, failed] = [0, 0, 0];

const opened: Connection[] = [];
for (let n = 0; n < connections; n += 1) opened.push(await openConnection(port, onDone));
free.push(...opened);
const startedAt = performance.now();
const endsMs = seconds * 1000;
let nextMs = arrivals.next().value;
turn();

function turn(): void {
  const nowMs = performance.now() - startedAt;
  while (nextMs <= nowMs && nextMs < endsMs) {
    const connection = free.shift();
    if (connection === undefined) waiting.push(nextMs);
    else {
      send(connection, nextMs);
      if (nextMs >= warmUpMs) lates.push(performance.now() - startedAt - nextMs);
    }
    nextMs = arrivals.next().value;
  }
  const over = nextMs >= endsMs && (answered === sent || nowMs > endsMs + graceMs);
  if (over && waiting.length === 0) {
    finish();
    return;
  }
  const pauseMs = Math.min(napMs, nextMs - (performance.now() - startedAt));
  if (pauseMs > 0) Atomics.wait(pauseCell, 0, 0, pauseMs);
  setImmediate(turn);
}

function send(connection: Connection, dueMs: number): void {
  dueOf.set(connection, dueMs);
  connection.send(requests[sent % requests.length]!);
  sent += 1;
}

function onDone(connection: Connection, status: number): void {
  const dueMs = dueOf.get(connection)!;
  answered += 1;
  if (status !== 200) failed += 1;
  if (dueMs >= warmUpMs) latencies.push(performance.now() - startedAt - dueMs);
  // A connection that ended carries nothing more.
  if (status === 0) return;
  const due = waiting.shift();
  if (due === undefined) free.push(connection);
  else send(connection, due);
}

function finish(): void {
  for (const connection of opened) connection.close();
  const report = {
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    // Where no connection was ever free the waits were the proxy's.
    lateP99Ms: lates.length === 0 ? 0 : quantile(lates, 0.99),
    requests: latencies.length,
    errors: failed + (sent - answered),
  };
  process.stdout.write(`${JSON.stringify(report)}\n`);
  process.exit();
}

/** The requests of a file for load.lua, as bytes to be sent. */
function readRequests(file: string): string[] {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  return lines.map((line) => {
    const [method, path, ...header] = line.split(' ');
    const own = header.join(' ') === '-' ? '' : `${header.join(' ')}\r\n`;
    return `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\nuser-agent: open-loop\r\naccept: */*\r\n${own}\r\n`;
  });
}

/** Linux adds 50 us to every sleep unless told not to. */
function sleepPrecisely(): void {
  try {
    writeFileSync('/proc/self/timerslack_ns', '1000');
  } catch {
    // Elsewhere than on Linux sleeps are as long as they are; `lateP99Ms` shows it.
  }
}
