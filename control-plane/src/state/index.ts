export { kindsReferredFirst } from './config-track.ts';
export { ControlState, type ControlStateOptions, type StateEvent } from './control-state.ts';
export { apiKeyKind } from './fact-track.ts';
export type { CurrentChange, CurrentItem } from './track.ts';
export type { TrackDelta, TrackItem, TrackPosition, TrackSnapshot, TrackState } from './track-state.ts';
export { type PreparedWrite, type WriteResult, writeRevision } from './write-revision.ts';
