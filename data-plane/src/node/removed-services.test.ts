/** What services leave behind when they are removed. */
import { CLOSED, defaultBreakerPolicy, OPEN } from '@sluice/engine';
import { expect, test } from 'vitest';
import { FAILURE } from '../shared/index.ts';
import { OneThreadNode } from './testing/one-thread-node.ts';

const service = (spec: object = {}) => ({
  kind: 'Service',
  name: 's',
  spec: { endpoints: [{ address: '127.0.0.1:1' }], circuitBreaker: { openFor: '1h' }, ...spec },
});

test('an open breaker stays open when its service changes, and is none of another service of this name', async () => {
  await using node = new OneThreadNode([]);
  await node.start();
  const { breakers, clock } = node.shared;
  const state = () => breakers.view(node.directory.services.slotOf('s')!, clock.nowMs()).state;
  await node.change([service()], []);
  const slot = node.directory.services.slotOf('s')!;
  for (let i = 0; i < defaultBreakerPolicy.consecutiveFailures; i++) {
    const token = breakers.admit(slot, defaultBreakerPolicy, clock.nowMs());
    breakers.report(slot, token, FAILURE, defaultBreakerPolicy, clock.nowMs());
  }
  expect(state()).toBe(OPEN);
  await node.change([service({ timeout: '3s' })], []);
  expect(state()).toBe(OPEN);
  await node.change([], [{ kind: 'Service', name: 's' }]);
  await node.change([service()], []);
  expect(state()).toBe(CLOSED);
});
