import type { Path } from '@bufbuild/protobuf/reflect';

/**
 * A place in a resource as manifests write it: `spec.match[0].headers["x-a"].exact`. What manifests do not write out is left out:
 * the name of the spec's case, of a oneof, and of the one field of a size or list message.
 */
export function formatFieldPath(path: Path): string {
  let text = '';
  for (const part of path) {
    switch (part.kind) {
      case 'list_sub':
        text += `[${part.index}]`;
        break;
      case 'map_sub':
        text += formatMapKey(part.key);
        break;
      case 'field':
        if (part.parent.typeName === RESOURCE && part.oneof !== undefined) text = joinPath(text, 'spec');
        else if (!UNWRITTEN.has(`${part.parent.typeName}.${part.name}`)) text = joinPath(text, part.jsonName);
        break;
      case 'oneof':
        if (part.parent.typeName === RESOURCE) text = joinPath(text, 'spec');
        break;
      case 'extension':
        break;
      default:
        part satisfies never;
    }
  }
  return text;
}

/** `["key"]`, as map entries are written in paths. */
export function formatMapKey(key: string | number | bigint | boolean): string {
  return `[${JSON.stringify(String(key))}]`;
}

export function joinPath(parent: string, child: string): string {
  return parent === '' ? child : `${parent}.${child}`;
}

/** Reads a path back into its names and places; undefined where it is none. */
export function parseFieldPath(path: string): readonly (string | number)[] | undefined {
  const parts: (string | number)[] = [];
  let rest = path;
  while (rest !== '') {
    const [whole, name, index, key] = PART.exec(rest) ?? [];
    if (whole === undefined) return undefined;
    if (name !== undefined) parts.push(name);
    else if (index !== undefined) parts.push(Number(index));
    else if (key !== undefined) parts.push(JSON.parse(key) as string);
    rest = rest.slice(whole.length);
  }
  return parts;
}

const PART = /^(?:\.?([A-Za-z_][A-Za-z0-9_]*)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\])/;
const RESOURCE = 'sluice.config.v1.Resource';
/** Fields of messages that manifests write as a plain value. */
const UNWRITTEN: ReadonlySet<string> = new Set([
  'sluice.config.v1.ByteSize.bytes',
  'sluice.config.v1.StringList.values',
]);
