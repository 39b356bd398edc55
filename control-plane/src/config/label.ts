import type { Resource } from '@sluice/proto';
import { done, type Outcome, refused } from './outcome.ts';

export interface Label {
  readonly key: string;
  readonly value: string;
}

/** KEY=VALUE; the value may be empty. */
export function parseLabel(text: string): Outcome<Label> {
  const equals = text.indexOf('=');
  if (equals > 0) return done({ key: text.slice(0, equals), value: text.slice(equals + 1) });
  return refused({ kind: 'invalid', message: `"${text}" is no label: write KEY=VALUE`, problems: [] });
}

export function carries({ labels }: Resource, { key, value }: Label): boolean {
  return Object.hasOwn(labels, key) && labels[key] === value;
}
