import { type DescField, type DescMessage, getOption, ScalarType } from '@bufbuild/protobuf';
import type { Duration } from '@bufbuild/protobuf/wkt';
import { type FieldRules, field as fieldRules } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';
import { formatDuration } from '@sluice/engine';

const SOURCE = 'or `{file: PATH}`, `{env: NAME}`';

/** How messages are written that have a notation of their own. */
const NOTATIONS: Readonly<Record<string, string>> = {
  'google.protobuf.Duration': 'duration',
  'google.protobuf.Timestamp': 'time',
  'google.protobuf.Value': 'any JSON value',
  'sluice.config.v1.ByteSize': 'size',
  'sluice.config.v1.StringList': 'list of text',
  'sluice.config.v1.DataSource': `\`{inline: TEXT}\` ${SOURCE}`,
  'sluice.config.v1.Secret': `\`{inline: SECRET}\` ${SOURCE}`,
};

/** How a message is written; undefined: field by field. */
export function notationOf({ typeName }: DescMessage): string | undefined {
  return NOTATIONS[typeName];
}

/** How a single value is written that is neither a message nor one of a few words. */
export function scalarOf({ scalar }: DescField): string {
  switch (scalar) {
    case ScalarType.STRING:
      return 'text';
    case ScalarType.BOOL:
      return '`true`, `false`';
    default:
      return 'number';
  }
}

/** What a field's rules say of its size, as far as that is a range. Empty: nothing. */
export function boundsOf(field: DescField): string {
  const rules = getOption(field, fieldRules);
  const { type } = rules;
  switch (type.case) {
    case 'repeated':
      return [count(type.value.minItems, type.value.maxItems), rangeOf(type.value.items)].filter(Boolean).join('; ');
    case 'map':
      return count(type.value.minPairs, type.value.maxPairs);
    default:
      return rangeOf(rules);
  }
}

function rangeOf(rules: FieldRules | undefined): string {
  const type = rules?.type;
  switch (type?.case) {
    case 'int32':
    case 'uint32':
    case 'double': {
      const { greaterThan, lessThan } = type.value;
      return range(
        greaterThan.case === 'gte' ? `${greaterThan.value}` : '',
        lessThan.case === 'lte' ? `${lessThan.value}` : '',
      );
    }
    case 'duration': {
      const { greaterThan, lessThan } = type.value;
      return range(durationText(greaterThan), durationText(lessThan));
    }
    default:
      return '';
  }
}

function durationText(bound: { case?: string | undefined; value?: Duration | undefined }): string {
  return bound.value === undefined ? '' : formatDuration(bound.value);
}

function range(least: string, most: string): string {
  if (least !== '' && most !== '') return `${least} to ${most}`;
  return most === '' ? (least === '' ? '' : `at least ${least}`) : `at most ${most}`;
}

function count(least: bigint, most: bigint): string {
  const bounds = range(least > 0n ? `${least}` : '', most > 0n ? `${most}` : '');
  return bounds && `${bounds} of them`;
}
