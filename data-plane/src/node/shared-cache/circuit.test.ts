import { expect, test } from 'vitest';
import { Circuit } from './circuit.ts';

function closed(): Circuit {
  const circuit = new Circuit();
  circuit.close(0);
  return circuit;
}

test('it is open until it was tried, and opens at the third failure in a row', () => {
  const circuit = new Circuit();
  expect([circuit.isClosed, circuit.isDue(0)]).toEqual([false, true]);
  circuit.close(0);
  expect([circuit.failed(1), circuit.failed(2)]).toEqual([false, false]);
  circuit.answered();
  expect([circuit.failed(3), circuit.failed(4), circuit.isClosed]).toEqual([false, false, true]);
  expect([circuit.failed(5), circuit.isClosed, circuit.failed(6)]).toEqual([true, false, false]);
  expect([circuit.isDue(504), circuit.isDue(505)]).toEqual([false, true]);
});

test('the pause doubles while it fails again soon, up to half a minute, and begins anew once it was well for a minute', () => {
  const circuit = closed();
  const pauses: number[] = [];
  for (let i = 0; i < 8; i++) {
    circuit.open(0);
    let ms = 0;
    while (!circuit.isDue(ms)) ms += 100;
    pauses.push(ms);
    circuit.close(0);
  }
  expect(pauses).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  circuit.open(60_000);
  expect([circuit.isDue(60_499), circuit.isDue(60_500)]).toEqual([false, true]);
});
