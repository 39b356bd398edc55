import { NackReason, NodeState } from '@sluice/proto';
import { expect, it } from 'vitest';
import { judgeNode, type NodeFacts } from './node-state.ts';

const fine: NodeFacts = {
  diverged: undefined,
  silentMs: 100,
  unansweredMs: undefined,
  activeRevision: 7,
  activeFacts: 3,
  refused: undefined,
  refusedFacts: undefined,
  held: [],
  draining: false,
  takeovers: 0,
  predecessor: undefined,
};
const refused = { revision: 7, reason: NackReason.MASS_DELETION, detail: '12 of 20' };

it.each<[string, Partial<NodeFacts>, NodeState, string]>([
  ['nothing to say', {}, NodeState.CURRENT, ''],
  ['behind', { activeRevision: 6 }, NodeState.UPDATING, 'revision 6 of 7'],
  ['behind in facts', { activeFacts: 1 }, NodeState.UPDATING, 'facts version 1 of 3'],
  ['holding one', { held: ['Route/a'] }, NodeState.HOLDING, 'cannot build Route/a'],
  ['holding more', { held: ['Route/a', 'Route/b'] }, NodeState.HOLDING, 'cannot build Route/a and 1 more'],
  ['holding, and behind', { held: ['Route/a'], activeRevision: 6 }, NodeState.UPDATING, 'revision 6 of 7'],
  ['refusing', { refused, activeRevision: 6 }, NodeState.REFUSING, 'revision 7 refused: mass_deletion: 12 of 20'],
  ['refusing facts', { refusedFacts: refused }, NodeState.REFUSING, 'facts version 7 refused: mass_deletion: 12 of 20'],
  ['silent', { silentMs: 2500 }, NodeState.STALE, 'nothing heard for 2.5 s'],
  ['not answering', { unansweredMs: 15_000 }, NodeState.STALE, 'no answer to an update for 15 s'],
  ['answering soon', { unansweredMs: 900 }, NodeState.CURRENT, ''],
  [
    'diverged, whatever else',
    { diverged: 'another history', silentMs: 9e9, refused },
    NodeState.DIVERGED,
    'another history',
  ],
  ['stopping', { draining: true }, NodeState.CURRENT, 'it is stopping'],
  ['taken over once', { takeovers: 1 }, NodeState.CURRENT, ''],
  [
    'taken over again',
    { takeovers: 2 },
    NodeState.CURRENT,
    'connected 3 times within a minute: do two nodes have this id?',
  ],
])('a node that is %s', (_, facts, state, reason) => {
  const current = { revision: 7, factsVersion: 3 };
  const staleAfter = { silentMs: 2000, unansweredMs: 10_000 };
  expect(judgeNode({ ...fine, ...facts }, current, staleAfter)).toEqual({ state, reason });
});
