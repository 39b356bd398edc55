import { expect, test } from 'vitest';
import { createLeaseQueues, LeaseCalls } from './lease-calls.ts';

test('calls come out as they were put in, of each writer by itself, however often the queue goes round', () => {
  const queues = createLeaseQueues(2);
  const [first, second] = [new LeaseCalls(queues, 0), new LeaseCalls(queues, 1)];
  const main = [new LeaseCalls(queues, 0), new LeaseCalls(queues, 1)] as const;
  expect(main[0].take()).toBeUndefined();
  for (let i = 0; i < 3000; i++) {
    const text = i % 3 === 0 ? '' : `ключ-${i} ${'x'.repeat(i % 200)}`;
    expect(first.put(i, ~i, i * 7, text)).toBe(true);
    if (i % 2 === 0) expect(second.put(i, 1, 2, 'other')).toBe(true);
    expect(main[0].take()).toEqual({ cell: i, lo: ~i, hi: i * 7, text });
    expect(main[0].take()).toBeUndefined();
    if (i % 2 === 0) expect(main[1].take()).toEqual({ cell: i, lo: 1, hi: 2, text: 'other' });
  }
});

test('what does not fit is not put, and the last that fits is', () => {
  const queues = createLeaseQueues(1);
  const calls = new LeaseCalls(queues, 0);
  const words = (1 << 16) / 4;
  expect(calls.put(1, 0, 0, 'x'.repeat((words - 4) * 4 - 16 + 1))).toBe(true);
  expect(calls.put(2, 0, 0, 'x'), 'three words are left').toBe(false);
  expect(calls.take()?.cell).toBe(1);
  expect(calls.put(3, 0, 0, 'x'.repeat((words - 4) * 4))).toBe(true);
  expect(calls.put(4, 0, 0, '')).toBe(false);
  expect(calls.take()).toMatchObject({ cell: 3, text: 'x'.repeat((words - 4) * 4) });
  expect(calls.put(5, 0, 0, 'x'.repeat((words - 4) * 4 + 1))).toBe(false);
});
