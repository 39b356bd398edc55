import { compileRegex } from './linear-regex.ts';
import type { NamedCondition, ValueCondition } from './route-match.ts';

/** A condition on a header or query parameter, ready to be evaluated. */
export interface CompiledCondition {
  readonly name: string;
  readonly condition: ValueCondition;
  /** @param value undefined where the name is absent */
  holds(value: string | undefined): boolean;
}

/** @param name as it is looked up: lower case for a header, decoded for a query parameter */
export function compileCondition(
  name: string,
  condition: ValueCondition,
): CompiledCondition | { readonly message: string } {
  switch (condition.kind) {
    case 'exact': {
      const expected = condition.value;
      return { name, condition, holds: (value) => value === expected };
    }
    case 'prefix': {
      const prefix = condition.value;
      if (prefix === '') return { message: 'must not be empty; use present: true' };
      return { name, condition, holds: (value) => value?.startsWith(prefix) === true };
    }
    case 'regex': {
      const regex = compileRegex(condition.value);
      if ('message' in regex) return regex;
      return { name, condition, holds: (value) => value !== undefined && regex.test(value) };
    }
    case 'present': {
      const { present } = condition;
      return { name, condition, holds: (value) => (value !== undefined) === present };
    }
    default:
      return condition satisfies never;
  }
}

/** The same condition always has the same key; different keys may still mean the same. */
export function conditionKey({ name, condition }: NamedCondition): string {
  return JSON.stringify([name, condition.kind, condition.kind === 'present' ? condition.present : condition.value]);
}

/** Whether every value (absent included) for which `narrow` holds is one for which `wide` holds; false where that is not known. */
export function conditionCovers(wide: CompiledCondition, narrow: CompiledCondition): boolean {
  if (wide.name !== narrow.name) return false;
  const [outer, inner] = [wide.condition, narrow.condition];
  if (outer.kind === 'present' && inner.kind !== 'present') return outer.present;
  if (inner.kind === 'exact') return wide.holds(inner.value);
  if (outer.kind === 'prefix' && inner.kind === 'prefix') return inner.value.startsWith(outer.value);
  return conditionKey(wide) === conditionKey(narrow);
}
