import { create, type DescField, type DescMessage, fromJson, ScalarType } from '@bufbuild/protobuf';
import { DurationSchema, ValueSchema } from '@bufbuild/protobuf/wkt';
import { ByteSizeSchema, type Resource, ResourceSchema } from '@sluice/proto';
import fc from 'fast-check';
import { enumTexts } from '../../config/enum-text.ts';
import { KINDS, type Kind, specFieldOf } from '../../config/kind.ts';

/** Resources of every kind with any fields set to anything their types admit, made by the descriptors. */
export const arbitraryResource: fc.Arbitrary<Resource> = fc.constantFrom(...KINDS).chain(resourceOf);

/** Resources of one kind. */
function resourceOf(kind: Kind): fc.Arbitrary<Resource> {
  const field = specFieldOf(kind);
  const { name, labels, nodeGroups } = ResourceSchema.field;
  return fc
    .record({ name: value(name), labels: value(labels), nodeGroups: value(nodeGroups), spec: message(field.message) })
    .map(({ spec, ...envelope }) =>
      create(ResourceSchema, { ...envelope, spec: { case: field.localName, value: spec } } as never),
    );
}

const text = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.constantFrom(
    '',
    '8',
    '502',
    '0x1f',
    '1e3',
    'true',
    'null',
    '~',
    '- a',
    '#',
    'a: b',
    ' x ',
    'a\nb\n',
    '\t',
    '<<',
    '.nan',
  ),
);
const key = text.filter((each) => each !== '__proto__');
const json = fc
  .jsonValue({ maxDepth: 3, stringUnit: 'binary' })
  .filter((each) => !/__proto__|-0/.test(JSON.stringify(each)));

function message(desc: DescMessage): fc.Arbitrary<object> {
  if (desc.typeName === ValueSchema.typeName)
    return json.map((each) => fromJson(ValueSchema, positiveZero(each) as never));
  if (desc.typeName === DurationSchema.typeName) return duration;
  if (desc.typeName === ByteSizeSchema.typeName) {
    return fc.bigInt({ min: 0n, max: 2n ** 53n - 1n }).map((bytes) => create(ByteSizeSchema, { bytes }));
  }
  const alone = desc.fields.filter(({ oneof }) => oneof === undefined);
  const plain = fc.record(Object.fromEntries(alone.map((field) => [field.localName, value(field)])), {
    requiredKeys: [],
  });
  const cases = fc.tuple(
    ...desc.oneofs.map((oneof) =>
      fc.option(
        fc
          .constantFrom(...oneof.fields)
          .chain((field) => value(field).map((each) => ({ case: field.localName, value: each }))),
      ),
    ),
  );
  return fc.tuple(plain, cases).map(([fields, chosen]) => {
    const oneofs = desc.oneofs.flatMap((oneof, i) => (chosen[i] === null ? [] : [[oneof.localName, chosen[i]]]));
    return create(desc, { ...fields, ...(Object.fromEntries(oneofs) as object) } as never);
  });
}

const duration = fc
  .record({ seconds: fc.bigInt({ min: 0n, max: 315_576_000_000n }), nanos: fc.nat({ max: 999_999_999 }) })
  .map((each) => create(DurationSchema, each));

function value(field: DescField): fc.Arbitrary<unknown> {
  switch (field.fieldKind) {
    case 'list':
      return fc.array(one(field), { maxLength: 3 });
    case 'map':
      return fc.array(fc.tuple(key, one(field)), { maxLength: 3 }).map((entries) => Object.fromEntries(entries));
    default:
      return one(field);
  }
}

function one(field: DescField): fc.Arbitrary<unknown> {
  if (field.message !== undefined) return message(field.message);
  if (field.enum !== undefined) return fc.constantFrom(0, ...enumTexts(field.enum).values());
  switch (field.scalar) {
    case ScalarType.STRING:
      return text;
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.UINT32:
      return fc.nat({ max: 0xffff_ffff });
    case ScalarType.INT32:
      return fc.integer();
    case ScalarType.DOUBLE:
      return fc.double({ noNaN: true, noDefaultInfinity: true }).map((each) => each + 0);
    default:
      throw new TypeError(`no values for ${field.toString()}`);
  }
}

/** JSON cannot tell -0 from 0. */
function positiveZero(json: unknown): unknown {
  return JSON.parse(JSON.stringify(json));
}
