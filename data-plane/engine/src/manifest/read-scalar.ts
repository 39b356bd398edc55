import { type DescField, getOption, ScalarType } from '@bufbuild/protobuf';
import { numeric_text } from '@sluice/proto';
import { isMap, isScalar, isSeq, type Node, type Scalar } from 'yaml';
import { enumTexts } from '../config/enum-text.ts';
import { nearest } from '../config/nearest.ts';
import type { Reader } from './reader.ts';

/** Reads a scalar or enum value of a field. Undefined, and reported, where the node holds none. */
export function readScalar(reader: Reader, desc: DescField, node: Node, field: string): unknown {
  const wrong = (message: string, remedy?: string) => {
    reader.report(node, field, message, remedy);
    return undefined;
  };
  if (!isScalar(node)) return wrong(`must be ${expected(desc)}, not ${describeNode(node)}`);
  if (node.value === null) return wrong('has no value', 'write one, or remove the field to take its default');
  if (desc.enum !== undefined) {
    const texts = enumTexts(desc.enum);
    const known = [...texts.keys()];
    const number = typeof node.value === 'string' ? texts.get(node.value) : undefined;
    if (number !== undefined) return number;
    return wrong(`must be one of ${known.join(', ')}, not ${show(node)}`, didYouMean(plainText(node), known));
  }
  const { scalar } = desc;
  switch (scalar) {
    case ScalarType.STRING:
      return readString(desc, node, wrong);
    case ScalarType.BOOL:
      return typeof node.value === 'boolean' ? node.value : wrong(`must be true or false, not ${show(node)}`);
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return readInteger(node, -0x8000_0000, 0x7fff_ffff, wrong);
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return readInteger(node, 0, 0xffff_ffff, wrong);
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      if (typeof node.value === 'number' && Number.isFinite(node.value)) return node.value;
      return wrong(`must be a number, not ${show(node)}`);
    default:
      // No field of any kind: sizes and secrets are messages. A test writes every field.
      throw new TypeError(`manifests have no notation for ${desc.name}`);
  }
}

/** What a node is, for those who expected something else. */
export function describeNode(node: Node): string {
  if (isMap(node)) return 'a map';
  if (isSeq(node)) return 'a list';
  return isScalar(node) ? show(node) : 'an alias';
}

/** A scalar as text, whatever its type; empty for other nodes. */
export function plainText(node: Node | undefined): string {
  if (!isScalar(node) || node.value === null) return '';
  return typeof node.value === 'string' ? node.value : (node.source ?? JSON.stringify(node.value));
}

/** The remedy for a word that is near one of those known. */
export function didYouMean(word: string, known: Iterable<string>): string | undefined {
  const near = nearest(word, known);
  return near === undefined ? undefined : `did you mean ${near}?`;
}

type Wrong = (message: string, remedy?: string) => undefined;

function readString(desc: DescField, node: Scalar, wrong: Wrong): string | undefined {
  if (typeof node.value === 'string') return node.value;
  const written = node.source ?? String(node.value);
  if (typeof node.value === 'number' && getOption(desc, numeric_text) && /^\d+$/.test(written)) return written;
  return wrong(`must be text, not ${show(node)}`, `put it in quotes: "${written}"`);
}

function readInteger(node: Scalar, least: number, most: number, wrong: Wrong): number | undefined {
  const { value } = node;
  if (typeof value === 'string' && /^-?\d+$/.test(value)) {
    return wrong('must be a number, not text', `remove the quotes: ${value}`);
  }
  if (typeof value !== 'number' || !Number.isInteger(value)) return wrong(`must be a whole number, not ${show(node)}`);
  if (value < least || value > most) return wrong(`must be ${least} to ${most}, not ${show(node)}`);
  return value === 0 ? 0 : value;
}

function expected(desc: DescField): string {
  if (desc.enum !== undefined) return 'one word';
  if (desc.scalar === ScalarType.STRING) return 'text';
  return desc.scalar === ScalarType.BOOL ? 'true or false' : 'a number';
}

/** A scalar as it was written, shortened. */
function show(node: Scalar): string {
  const text = typeof node.value === 'string' ? JSON.stringify(node.value) : (node.source ?? String(node.value));
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
