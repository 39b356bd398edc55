import { create } from '@bufbuild/protobuf';
import { type Resource, ResourceSchema } from '@sluice/proto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Change, ConfigIndex, compileSnapshot } from './config-index.ts';
import { SetDigest } from './digest.ts';
import { keyOf, type ResourceKey } from './kind.ts';
import { hasErrors, type Problem } from './problem.ts';
import { type ArbitraryChange, arbitraryChange } from './testdata/arbitrary-change.ts';

describe('a configuration checked change by change', () => {
  test('equals the same configuration compiled from scratch', () => {
    fc.assert(
      fc.property(fc.array(arbitraryChange, { minLength: 1, maxLength: 10 }), fc.boolean(), (changes, refuseErrors) => {
        const index = ConfigIndex.empty();
        let before: readonly Statement[] = [];
        for (const arbitrary of changes) {
          const change = toChange(arbitrary, index);
          const checked = index.check(change);
          if (refuseErrors && hasErrors(checked.problems)) continue;
          index.commit(checked);
          const full = compileSnapshot([...index.entries()].map(({ resource }) => resource));
          expect(contentOf(index)).toEqual(contentOf(full.index));
          const after = full.problems.flatMap(toStatements);
          expectSameProblems(checked.problems.flatMap(toStatements), before, after, change);
          before = after;
        }
      }),
      { numRuns: 200 },
    );
  });

  test('holds what the changes say', () => {
    fc.assert(
      fc.property(fc.array(arbitraryChange, { maxLength: 10 }), (changes) => {
        const index = ConfigIndex.empty();
        const model = new Map<ResourceKey, Resource>();
        for (const arbitrary of changes) {
          const change = toChange(arbitrary, index);
          index.commit(index.check(change));
          for (const resource of change.upserts) model.set(keyOf(resource), resource);
          for (const key of change.removals) model.delete(key);
          expect(new Set([...index.entries()].map(({ key }) => key))).toEqual(new Set(model.keys()));
          for (const [key, resource] of model) expect(index.get(key)?.resource).toEqual(resource);
        }
      }),
      { numRuns: 50 },
    );
  });

  test('is not changed by a check that is not committed', () => {
    fc.assert(
      fc.property(
        fc.array(arbitraryChange, { maxLength: 6 }),
        arbitraryChange,
        arbitraryChange,
        (changes, other, last) => {
          const index = ConfigIndex.empty();
          for (const arbitrary of changes) index.commit(index.check(toChange(arbitrary, index)));
          const change = toChange(last, index);
          const content = contentOf(index);
          const first = index.check(change);
          index.check(toChange(other, index));
          expect(contentOf(index)).toEqual(content);
          expect(index.check(change)).toEqual(first);
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('a change checked in turns', () => {
  const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

  test('gives what checking it at once gives, whatever is checked and committed meanwhile', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(arbitraryChange, { maxLength: 5 }),
        fc.array(arbitraryChange, { minLength: 1, maxLength: 3 }),
        arbitraryChange,
        fc.nat(40),
        async (changes, slow, quick, when) => {
          const index = ConfigIndex.empty();
          const twin = ConfigIndex.empty();
          for (const arbitrary of changes) {
            const change = toChange(arbitrary, index);
            for (const each of [index, twin]) each.commit(each.check(change));
          }
          const expected = slow.map((arbitrary) => twin.check(toChange(arbitrary, twin)));
          const running = slow.map((arbitrary) => index.checkInTurns(toChange(arbitrary, index), nextTurn));
          for (let turns = 0; turns < when; turns++) await nextTurn();
          const content = contentOf(index);
          const between = toChange(quick, index);
          expect(index.check(between)).toEqual(twin.check(between));
          expect(contentOf(index)).toEqual(content);
          expect(await Promise.all(running)).toEqual(expected);
          const last = await running.at(-1)!;
          index.commit(last);
          twin.commit(expected.at(-1)!);
          expect(contentOf(index)).toEqual(contentOf(twin));
          expect(index.check(between)).toEqual(twin.check(between));
        },
      ),
      { numRuns: 100 },
    );
  });

  test('cannot be committed once something else was', async () => {
    const index = ConfigIndex.empty();
    const [slow, quick] = [resource('a'), resource('b')];
    const running = index.checkInTurns({ upserts: [slow], removals: [] }, nextTurn);
    index.commit(index.check({ upserts: [quick], removals: [] }));
    const checked = await running;
    expect(checked.changes).toHaveLength(1);
    expect(() => index.commit(checked)).toThrow('on the same configuration');
  });
});

function resource(name: string): Resource {
  return create(ResourceSchema, { name, spec: { case: 'nodeGroup', value: {} } });
}

function toChange({ upserts, removals }: ArbitraryChange, index: ConfigIndex): Change {
  const put = new Set(upserts.map(keyOf));
  const there = [...index.entries()].map(({ key }) => key).filter((key) => !put.has(key));
  there.sort();
  const keys = there.length === 0 ? [] : removals.map((at) => there[at % there.length]!);
  return { upserts, removals: [...new Set(keys)] };
}

function contentOf(index: ConfigIndex) {
  const entries = [...index.entries()].sort((a, b) => (a.key < b.key ? -1 : 1));
  return {
    digest: SetDigest.of(entries.map(({ hash }) => hash)).bytes(),
    entries: entries.map(({ key, nodeGroups, content }) => [key, nodeGroups, content]),
  };
}

/** A problem in words that do not depend on which of two resources it is told of. */
interface Statement {
  readonly says: string;
  readonly about: readonly string[];
}

/**
 * The change is told of all that is wrong now with what it puts in, and of all that was not wrong before; it is told of nothing that
 * is not wrong.
 */
function expectSameProblems(
  told: readonly Statement[],
  before: readonly Statement[],
  after: readonly Statement[],
  change: Change,
): void {
  const says = (statements: readonly Statement[]) => new Set(statements.map((each) => each.says));
  expect([...says(told).difference(says(after))], 'told of, and not wrong').toEqual([]);
  const put = new Set<string>(change.upserts.map(keyOf));
  const due = after.filter((each) => !says(before).has(each.says) || each.about.some((key) => put.has(key)));
  expect([...says(due).difference(says(told))], 'wrong, and not told of').toEqual([]);
}

function toStatements({ severity, kind, name, field, message }: Problem): Statement[] {
  const key = `${kind}/${name}`;
  const one = (says: string, ...others: string[]) => [{ says, about: [key, ...others] }];
  if (message.startsWith('cannot be removed: ')) {
    return [...message.matchAll(/(\w+) "([^"]+)" \(([^)]+)\)/g)].map(([, fromKind, from, at]) => ({
      says: `${fromKind}/${from} ${at} is dangling`,
      about: [`${fromKind}/${from}`],
    }));
  }
  if (message.startsWith('there is no')) return one(`${key} ${field} is dangling`);
  if (message.startsWith('takes the same requests')) {
    return [...message.matchAll(/Route "([^"]+)"/g)].flatMap(([, name]) => {
      const other = `Route/${name}`;
      return one(`${[key, other].sort().join(' and ')} conflict`, other);
    });
  }
  const address = /is the address of Listener "([^"]+)" too/.exec(message);
  if (address !== null) {
    const other = `Listener/${address[1]}`;
    return one(`${[key, other].sort().join(' and ')} share an address`, other);
  }
  if (message.includes(' goes only to ')) return one(`${key} ${field} stays behind`);
  if (message.startsWith('can never win')) return one(`${key} can never win`);
  return one(`${severity} ${key} ${field} ${message}`);
}
