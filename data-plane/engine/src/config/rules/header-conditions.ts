import { formatMapKey } from '../field-path.ts';
import { isConsumerHeader } from './reserved-headers.ts';
import type { Rule } from './rule.ts';

/** A header can have the value that a match asks for, and is not one that anybody may forge. */
export const checkHeaderConditions: Rule = ({ spec }, report) => {
  if (spec.case !== 'route') return;
  spec.value.match.forEach(({ headers }, i) => {
    for (const [name, { kind }] of Object.entries(headers)) {
      if (isConsumerHeader(name)) {
        report({
          field: `spec.match[${i}].headers${formatMapKey(name)}`,
          message: `${name} is what the client says, of whom it likes: who calls is found out after the route`,
          remedy: 'use authorization',
        });
      }
      if (kind.case !== 'exact' && kind.case !== 'prefix') continue;
      const pattern = kind.case === 'exact' ? VALUE : START;
      if (pattern.test(kind.value)) continue;
      const field = `spec.match[${i}].headers${formatMapKey(name)}.${kind.case}`;
      report({ field, message: 'is nothing that a header can hold: no control characters, and no spaces around it' });
    }
  });
};

/** Without the white space around it, which is no part of a value (RFC 9110, 5.5). Bytes beyond ASCII are read as Latin-1. */
const VALUE = /^(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?$/;
const START = /^[!-~\x80-\xff][\t -~\x80-\xff]*$|^$/;
