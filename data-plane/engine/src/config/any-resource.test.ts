import fc from 'fast-check';
import { expect, test } from 'vitest';
import { arbitraryResource } from '../manifest/testdata/arbitrary-resource.ts';
import { compileSnapshot } from './config-index.ts';
import { parseFieldPath } from './field-path.ts';

test('whatever resources hold, checking them ends in problems whose fields can be found', () => {
  fc.assert(
    fc.property(
      fc.array(arbitraryResource, { maxLength: 6 }),
      fc.constantFrom([[]], []),
      (resources, [unsupported]) => {
        const { index, problems } = compileSnapshot(resources, unsupported === undefined ? {} : { unsupported });
        for (const { field, message } of problems) {
          expect(parseFieldPath(field), field).toBeDefined();
          expect(message).not.toMatch(/undefined|\[object|NaN/);
        }
        for (const { resource } of index.entries())
          expect(index.check({ upserts: [resource], removals: [] }).changes).toEqual([]);
      },
    ),
    { numRuns: 150 },
  );
});
