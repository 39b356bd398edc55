export {
  type ActiveChange,
  type ActiveItem,
  ActiveSet,
  type HeldItem,
  type PlannedChange,
  type TrackChange,
} from './active-set.ts';
export { compileNetworks } from './address-rules.ts';
export type { KeySetSource } from './build-issuer.ts';
export { KEY_SET_KIND } from './build-key-set.ts';
export { defaultListener } from './build-listener.ts';
export {
  type BuildContext,
  type BuiltItem,
  type ItemKey,
  type ItemSecret,
  itemKey,
  type SlotSource,
  type TrackItem,
} from './built-item.ts';
export type * from './plan.ts';
export { durationMs, sizeBytes } from './read-duration.ts';
export { type StagedTables, Tables, type TablesOptions } from './tables.ts';
