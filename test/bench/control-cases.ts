export type ControlCase = {
  readonly name: string;
  readonly about: string;
  readonly routes: number;
  readonly nodes: number;
  readonly quick: boolean;
};

/** Everything here runs on all cores at once, nothing is tied to one. */
export const controlCases: readonly ControlCase[] = [
  {
    name: 'control-plane',
    about: '10,000 routes: one-route changes, 10 nodes of one worker, restart from the cache',
    routes: 10_000,
    nodes: 10,
    quick: true,
  },
];
