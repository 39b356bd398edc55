import { describe, expect, test } from 'vitest';
import type { TunnelFlow } from './tunnel-flow.ts';
import { Tunnels } from './tunnels.ts';

/** A flow as far as the bound on memory sees one. */
function flow(cut: string[], name: string): TunnelFlow {
  return { tooMuchHeld: () => cut.push(name) } as unknown as TunnelFlow;
}

describe('what tunnels hold for ends that do not read', () => {
  test('may reach the bound; one byte more ends the one that is held up for longest', () => {
    const cut: string[] = [];
    const tunnels = new Tunnels(100);
    const [first, second, third] = ['first', 'second', 'third'].map((name) => flow(cut, name)) as [
      TunnelFlow,
      TunnelFlow,
      TunnelFlow,
    ];
    tunnels.hold(first, 40);
    tunnels.hold(second, 40);
    tunnels.hold(third, 20);
    expect(cut).toEqual([]);
    // As much again is held, and one byte more: it has not moved, so it stays the oldest.
    tunnels.hold(first, 41);
    expect(cut).toEqual(['first']);
    tunnels.hold(third, 60);
    expect(cut).toEqual(['first']);
    tunnels.hold(third, 61);
    expect(cut).toEqual(['first', 'second']);
  });

  test('counts no longer once it is taken, and who is held up again comes last', () => {
    const cut: string[] = [];
    const tunnels = new Tunnels(100);
    const [first, second] = [flow(cut, 'first'), flow(cut, 'second')];
    tunnels.hold(first, 50);
    tunnels.hold(second, 50);
    tunnels.release(first);
    tunnels.release(first);
    tunnels.hold(first, 50);
    expect(cut).toEqual([]);
    tunnels.hold(first, 60);
    expect(cut).toEqual(['second']);
  });

  test('may be the one that asks', () => {
    const cut: string[] = [];
    new Tunnels(100).hold(flow(cut, 'only'), 101);
    expect(cut).toEqual(['only']);
  });
});
