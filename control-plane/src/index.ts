/** The control plane: it stores, validates and versions the configuration, and streams it to the nodes. */

/** The parts that tests drive on their own. */
export * from './config/index.ts';
export { type ControlPlane, startControlPlane } from './control-plane.ts';
export * from './keys/index.ts';
export { describeFlags, type ListenAddress, type ParsedSettings, parseSettings, type Settings } from './settings.ts';
export { StartError } from './start-error.ts';
export * from './state/index.ts';
export * from './store/index.ts';
