import { expect } from 'vitest';
import { LineRing, MAX_LINE_BYTES } from '../../shared/index.ts';

export type Line = Readonly<Record<string, unknown>>;

/** The lines of JSON that came into a ring in shared memory since it was last asked. */
export function takeLines(memory: ConstructorParameters<typeof LineRing>[0]): Line[] {
  const ring = new LineRing(memory);
  let text = '';
  for (let some = ring.take(MAX_LINE_BYTES); some !== undefined; some = ring.take(MAX_LINE_BYTES)) {
    text += some.toString('latin1');
  }
  // Whatever clients send: a line is printable ASCII, and there is one for each request.
  expect(text).toMatch(/^(?:[ -~]+\n)*$/);
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);
}
