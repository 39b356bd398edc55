import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { createLineRings, LINE_RING_BYTES, LineRing, MAX_LINE_BYTES } from './line-ring.ts';

const line = (length: number, fill = 'x') => `${fill.repeat(length - 1)}\n`;

test('lines come out whole and in order, however often the ring goes round', () => {
  const [first, second] = createLineRings(2).map((ring) => [new LineRing(ring), new LineRing(ring)] as const);
  const [worker, main] = first!;
  expect(main.take(MAX_LINE_BYTES)).toBeUndefined();
  let put = '';
  let taken = '';
  for (let i = 0; taken.length < 3 * LINE_RING_BYTES; i++) {
    const next = `${i} ${'x'.repeat((i * 37) % 5000)}\n`;
    expect(worker.put(next)).toBe(true);
    put += next;
    if (i % 7 !== 0) continue;
    const bytes = main.take(MAX_LINE_BYTES)!.toString('latin1');
    expect(bytes.endsWith('\n')).toBe(true);
    taken += bytes;
    while (put.length - taken.length > LINE_RING_BYTES / 2) taken += main.take(MAX_LINE_BYTES)!.toString('latin1');
  }
  for (let rest = main.take(MAX_LINE_BYTES); rest !== undefined; rest = main.take(MAX_LINE_BYTES)) {
    taken += rest.toString('latin1');
  }
  expect(taken === put).toBe(true);
  expect(second![1].take(MAX_LINE_BYTES)).toBeUndefined();
});

test('the last byte is filled, and what does not fit is not put', () => {
  const ring = new LineRing(createLineRings(1)[0]!);
  for (let i = 0; i < LINE_RING_BYTES / MAX_LINE_BYTES - 1; i++) expect(ring.put(line(MAX_LINE_BYTES))).toBe(true);
  expect(ring.put(line(MAX_LINE_BYTES - 10))).toBe(true);
  expect(ring.put(line(11))).toBe(false);
  expect(ring.put(line(10, 'y'))).toBe(true);
  expect(ring.put('\n')).toBe(false);
  expect(ring.take(MAX_LINE_BYTES)!.length).toBe(MAX_LINE_BYTES);
  expect(ring.put(line(MAX_LINE_BYTES + 1)), 'a line that is too long').toBe(false);
  expect(ring.put(line(MAX_LINE_BYTES))).toBe(true);
});

test('one thread puts while another takes: nothing is torn, lost or twice', async () => {
  const buffer = createLineRings(1)[0]!;
  const count = 40_000;
  const program = `
    import { workerData } from 'node:worker_threads';
    const { LineRing } = await import(workerData.module);
    const ring = new LineRing(workerData.buffer);
    for (let i = 0; i < ${count}; ) if (ring.put(i + ' ' + 'x'.repeat(i % 300) + '\\n')) i++;
  `;
  const url = new URL(`data:text/javascript,${encodeURIComponent(program)}`);
  const module = new URL('./line-ring.ts', import.meta.url).href;
  const worker = new Worker(url, { workerData: { buffer, module } });
  const ended = new Promise((resolve, reject) => worker.on('exit', resolve).on('error', reject));
  const ring = new LineRing(buffer);
  let next = 0;
  while (next < count) {
    const lines =
      ring
        .take(1 << 16)
        ?.toString('latin1')
        .split('\n')
        .slice(0, -1) ?? [];
    for (const each of lines) {
      if (each !== `${next} ${'x'.repeat(next % 300)}`) expect(each).toBe(`${next} and its rest`);
      next++;
    }
    if (lines.length === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await ended;
});
