import { describe, expect, test } from 'vitest';
import { BodyBudget, WholeBody } from './whole-body.ts';

describe('a body held whole', () => {
  test('is what was added, up to its bound', () => {
    const body = new WholeBody(new BodyBudget(1_000_000), 10_000);
    for (let i = 0; i < 10; i++) expect(body.add(Buffer.alloc(1_000, i))).toBe('added');
    expect(body.add(Buffer.alloc(1))).toBe('tooLarge');
    body.complete();
    expect(body.bytes).toEqual(Buffer.concat(Array.from({ length: 10 }, (_, i) => Buffer.alloc(1_000, i))));
  });

  test('takes no more than twice what came, and gives it back', () => {
    const budget = new BodyBudget(200_000);
    const body = new WholeBody(budget, 150_000);
    for (let i = 0; i < 100_000; i++) body.add(Buffer.from('x'));
    expect(budget.reserve(1)).toBe(true);
    budget.release(1);
    expect(budget.reserve(200_000)).toBe(false);
    body.release();
    expect(budget.reserve(200_000)).toBe(true);
  });

  test('has room as long as the worker has', () => {
    const budget = new BodyBudget(8_192);
    const bodies = [new WholeBody(budget, 4_096), new WholeBody(budget, 4_096), new WholeBody(budget, 4_096)];
    expect(bodies.map((body) => body.add(Buffer.alloc(4_096)))).toEqual(['added', 'added', 'noRoom']);
    bodies[0]?.release();
    expect(bodies[2]?.add(Buffer.alloc(4_096))).toBe('added');
  });
});
