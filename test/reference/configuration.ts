import { execFileSync } from 'node:child_process';
import { createFileRegistry, type DescField, type DescMessage, fromBinary, getOption } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { getComments } from '@bufbuild/protoplugin';
import { message as messageRules, oneof as oneofRules } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';
import { enumText, KINDS, UNSUPPORTED } from '@sluice/engine';
import { root } from '../harness/process.ts';
import { boundsOf, notationOf, scalarOf } from './configuration-values.ts';
import { code, page, table } from './markdown.ts';

/** The page of every kind and field that a manifest may hold, as the .proto files say it. */
export function configurationPage(): string {
  const messages = readMessages();
  const resource = messages.get('sluice.config.v1.Resource') as DescMessage;
  const kinds = KINDS.map((kind) => messages.get(`sluice.config.v1.${kind}`) as DescMessage);
  const uses = countUses(kinds);
  const shared = [...uses].filter(([desc, { size }]) => size > 1 && !kinds.includes(desc)).map(([desc]) => desc);
  const parts = (kind: DescMessage) =>
    [...uses.keys()].filter((desc) => uses.get(desc)?.size === 1 && uses.get(desc)?.has(kind));
  return page(
    'Configuration',
    'What manifests may hold: every kind and every field. `gatewayctl validate -f` checks files without a control plane, `gatewayctl get KIND NAME -o yaml` prints what is stored. Whole configurations are in [deploy/examples](../../deploy/examples).',
    `## Manifests\n\n${MANIFESTS}\n\n${fieldTable(
      resource,
      resource.fields.filter(({ oneof }) => oneof === undefined),
    )}`,
    `## Kinds\n\n${table(
      ['kind', 'what it is'],
      kinds.map((kind) => [link(kind), describeKind(resource, kind)]),
    )}`,
    ...kinds.flatMap((kind) => [section(kind, 2), ...parts(kind).map((part) => section(part, 3))]),
    '## Shared parts\n\nWhat several kinds hold.',
    ...shared.map((part) => section(part, 3)),
  );
}

const MANIFESTS = `A manifest is YAML or JSON; a file may hold several, with \`---\` between them. Each has \`kind\`, \`name\`, what else stands in the table, and \`spec\` with the fields of its kind.

- A field that is absent has its default. Applying replaces a resource whole.
- Durations: \`250ms\`, \`5s\`, \`1m\`, \`2h\`, \`30d\`; sizes: \`512B\`, \`8KiB\`, \`10MiB\`, \`1GiB\`. Both need their unit.
- Texts that are kept in files of their own, and secrets, are written \`{file: PATH}\`, \`{env: NAME}\` or \`{inline: TEXT}\`. \`gatewayctl\` reads files and variables; the control plane sees neither. Secrets are shown as \`{unchanged: FINGERPRINT}\`, which keeps what is stored.
- Of fields that exclude each other one may be written.
- An unknown field, kind or value is an error with its line, and so is what this version does not support.`;

/** The descriptors with their comments, which the generated code does not have. */
function readMessages(): ReadonlyMap<string, DescMessage> {
  const args = ['build', '--path', 'proto/sluice/config', '--as-file-descriptor-set', '-o', '-'];
  const bytes = execFileSync('buf', args, { cwd: root, maxBuffer: 64 * 1024 * 1024 });
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, bytes));
  return new Map([...registry].flatMap((desc) => (desc.kind === 'message' ? [[desc.typeName, desc]] : [])));
}

/** Which kinds have a part somewhere below them, in the order in which a reader meets them. */
function countUses(kinds: readonly DescMessage[]): ReadonlyMap<DescMessage, ReadonlySet<DescMessage>> {
  const uses = new Map<DescMessage, Set<DescMessage>>();
  const visit = (desc: DescMessage, kind: DescMessage): void => {
    for (const { message, parent, name } of desc.fields) {
      if (message === undefined || !isPart(message) || isUnsupported(`${parent.typeName}.${name}`)) continue;
      const known = uses.get(message) ?? new Set();
      uses.set(message, known);
      if (known.has(kind)) continue;
      known.add(kind);
      visit(message, kind);
    }
  };
  for (const kind of kinds) if (!isUnsupported(kind.typeName)) visit(kind, kind);
  return uses;
}

/** What has fields that are written out. */
function isPart(message: DescMessage): boolean {
  return message.fields.length > 0 && notationOf(message) === undefined;
}

function describeKind({ fields }: DescMessage, kind: DescMessage): string {
  const field = fields.find(({ message }) => message === kind);
  const told = field === undefined ? '' : commentOf(field);
  return isUnsupported(kind.typeName) ? `${NOT_SUPPORTED} ${told}` : told;
}

function section(desc: DescMessage, level: number): string {
  const title = `${'#'.repeat(level)} ${desc.name}`;
  if (isUnsupported(desc.typeName)) return `${title}\n\n${commentOf(desc)} ${NOT_SUPPORTED}`;
  return [title, commentOf(desc), ...expressionsOf(desc), fieldTable(desc, desc.fields)].join('\n\n');
}

function fieldTable(desc: DescMessage, fields: readonly DescField[]): string {
  const rows = fields.map((field) => [
    code(field.jsonName),
    isUnsupported(`${desc.typeName}.${field.name}`) ? '' : describeValue(field),
    describeField(`${desc.typeName}.${field.name}`, field),
  ]);
  return table(['field', 'value', 'what it says'], rows);
}

const NOT_SUPPORTED = '**Not supported by this version.**';

function describeField(name: string, field: DescField): string {
  const told = [commentOf(field), ...exclusionOf(field), ...valuesOf(field)].join(' ');
  return isUnsupported(name) ? `${NOT_SUPPORTED} ${told}` : told;
}

function isUnsupported(name: string): boolean {
  return UNSUPPORTED.includes(name);
}

function describeValue(field: DescField): string {
  const one = describeOne(field);
  const bounds = boundsOf(field);
  const many =
    field.fieldKind === 'list' ? `list of ${one}` : field.fieldKind === 'map' ? `map of names to ${one}` : one;
  return bounds === '' ? many : `${many}; ${bounds}`;
}

function describeOne(field: DescField): string {
  if (field.enum !== undefined)
    return field.enum.values
      .slice(1)
      .filter(({ name }) => !isUnsupported(`sluice.config.v1.${name}`))
      .map((value) => code(enumText(field.enum!, value)))
      .join(', ');
  if (field.message === undefined) return scalarOf(field);
  if (field.message.fields.length === 0) return code('{}');
  return notationOf(field.message) ?? link(field.message);
}

/** What the values of an enum stand for. */
function valuesOf({ enum: desc }: DescField): string[] {
  if (desc === undefined) return [];
  return desc.values.slice(1).map((value) => {
    const told = `${code(enumText(desc, value))}: ${commentOf(value)}`;
    return isUnsupported(`sluice.config.v1.${value.name}`) ? `${told} ${NOT_SUPPORTED}` : told;
  });
}

/** The fields that one excludes. */
function exclusionOf(field: DescField): string[] {
  if (field.oneof === undefined) return [];
  const others = field.oneof.fields.filter(
    (other) => other !== field && !isUnsupported(`${other.parent.typeName}.${other.name}`),
  );
  if (others.length === 0) return [];
  const names = others.map(({ jsonName }) => code(jsonName)).join(', ');
  return [`${getOption(field.oneof, oneofRules).required ? 'Exactly one of this and' : 'Excludes'} ${names}.`];
}

/** What holds over several fields. */
function expressionsOf(desc: DescMessage): string[] {
  const told = getOption(desc, messageRules).cel.map(
    ({ message }) => `${message.slice(0, 1).toUpperCase()}${message.slice(1)}.`,
  );
  return told.length === 0 ? [] : [told.join(' ')];
}

function link(desc: DescMessage): string {
  return `[${desc.name}](#${desc.name.toLowerCase()})`;
}

function commentOf(desc: Parameters<typeof getComments>[0]): string {
  return (getComments(desc).leading ?? '').trim().replaceAll(/\s*\n\s*/g, ' ');
}
