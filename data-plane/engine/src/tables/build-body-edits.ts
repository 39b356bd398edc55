import { type JsonValue, toJson } from '@bufbuild/protobuf';
import { ValueSchema } from '@bufbuild/protobuf/wkt';
import type { BodyEdits } from '@sluice/proto';
import type { BodyEditsPlan, SetMember } from '../decide/edit-body.ts';
import { sizeBytes } from './read-duration.ts';

export function buildBodyEdits({ rename, set, remove, maxBytes }: BodyEdits): BodyEditsPlan {
  return {
    dropped: new Set([...remove, ...Object.keys(set)]),
    renamed: new Map(Object.entries(rename)),
    set: Object.entries(set).map(([name, value]) => buildSetMember(name, toJson(ValueSchema, value))),
    maxBytes: sizeBytes(maxBytes, 1_048_576),
  };
}

/** The names of path parameters that stand in the strings of a value. */
export function paramsIn(value: JsonValue): readonly string[] {
  return buildSetMember('', value).params;
}

function buildSetMember(name: string, value: JsonValue): SetMember {
  const parts = [`${JSON.stringify(name)}:`];
  addValue(parts, value);
  return {
    literals: parts.filter((_, index) => index % 2 === 0),
    params: parts.filter((_, index) => index % 2 === 1),
  };
}

/** `parts` are literals and names of parameters in turn; the last is a literal, which is gone on with. */
function addValue(parts: string[], value: JsonValue): void {
  if (typeof value === 'string') addString(parts, value);
  else if (Array.isArray(value)) {
    append(parts, '[');
    value.forEach((item, i) => {
      if (i > 0) append(parts, ',');
      addValue(parts, item);
    });
    append(parts, ']');
  } else if (typeof value === 'object' && value !== null) {
    append(parts, '{');
    Object.entries(value).forEach(([name, member], i) => {
      append(parts, `${i > 0 ? ',' : ''}${JSON.stringify(name)}:`);
      addValue(parts, member);
    });
    append(parts, '}');
  } else append(parts, JSON.stringify(value));
}

function addString(parts: string[], text: string): void {
  append(parts, '"');
  text.split(/\{([A-Za-z_][A-Za-z0-9_-]*)\}/).forEach((part, i) => {
    if (i % 2 === 0) append(parts, JSON.stringify(part).slice(1, -1));
    else parts.push(part, '');
  });
  append(parts, '"');
}

function append(parts: string[], text: string): void {
  parts[parts.length - 1] += text;
}
