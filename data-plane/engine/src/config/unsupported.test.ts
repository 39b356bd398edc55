import type { DescEnum, DescField, DescMessage } from '@bufbuild/protobuf';
import { ResourceSchema } from '@sluice/proto';
import { describe, expect, test } from 'vitest';
import { supportedFields } from './check-supported.ts';
import { KINDS, specFieldOf } from './kind.ts';
import { UNSUPPORTED } from './unsupported.ts';

const known = readNames();

describe('the table of what is not supported', () => {
  test.each(UNSUPPORTED.map((entry) => [entry]))('%s is in the descriptors', (entry) => {
    expect(known.has(entry)).toBe(true);
  });

  test('names nothing twice', () => {
    expect(new Set(UNSUPPORTED).size).toBe(UNSUPPORTED.length);
  });
});

describe('the fields that are supported', () => {
  test('are those of the descriptors that the table does not name and that can be reached', () => {
    const fields = supportedFields();
    expect(fields).toContain('sluice.config.v1.Service.endpoints');
    expect(fields).toContain('sluice.config.v1.Retry.buffer_bytes');
    expect(fields).toContain('sluice.config.v1.Resource.node_groups');
    expect(fields).not.toContain('sluice.config.v1.Service.tls');
    expect(fields).not.toContain('sluice.config.v1.UpstreamTls.server_name');
    expect(fields).not.toContain('sluice.config.v1.Certificate.chain');
    expect(fields.filter((field) => UNSUPPORTED.includes(field))).toEqual([]);
    expect(fields.length).toBe(new Set(fields).size);
  });

  test('are all fields where the table is empty', () => {
    const notations = /^(google\..*|sluice\.config\.v1\.(ByteSize|StringList))\.[a-z_]+$/;
    const all = [...known]
      .filter(([name, desc]) => desc.kind === 'field' && !notations.test(name))
      .map(([name]) => name);
    const cases = KINDS.map((kind) => `sluice.config.v1.Resource.${specFieldOf(kind).name}`);
    expect(new Set([...supportedFields([]), ...cases])).toEqual(new Set(all));
  });
});

function readNames(): ReadonlyMap<string, DescField | DescMessage | DescEnum['values'][number]> {
  const names = new Map<string, DescField | DescMessage | DescEnum['values'][number]>();
  const visit = (desc: DescMessage): void => {
    if (names.has(desc.typeName)) return;
    names.set(desc.typeName, desc);
    for (const field of desc.fields) {
      names.set(`${desc.typeName}.${field.name}`, field);
      for (const value of field.enum?.values ?? []) names.set(`sluice.config.v1.${value.name}`, value);
      if (field.message !== undefined) visit(field.message);
    }
  };
  visit(ResourceSchema);
  return names;
}
