/** The data plane: a node in a process of its own is `sluice-node`; this starts one in the caller's. */
export { type RunningNode, startNode } from './node/node.ts';
export { describeFlags, parseSettings, type Settings } from './node/settings.ts';
export { StartError } from './node/start-error.ts';

/** What the reference pages are made of. */
export { type ProblemKind, problemKinds } from './proxy/problem.ts';
export { counterFamilies, histogramFamilies } from './shared/metrics/families.ts';
