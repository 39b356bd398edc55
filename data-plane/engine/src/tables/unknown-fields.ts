import type { DescField, DescMessage, DescOneof, Message } from '@bufbuild/protobuf';

/**
 * Where the first field is that this version does not know, as `number 7 in match in spec`; undefined where there is none. Runs over
 * every item at every start: what may hold messages is found once per kind of message, and nothing is allocated.
 */
export function findUnknownField(desc: DescMessage, message: Message): string | undefined {
  return finderOf(desc)(message);
}

type Finder = (message: Message) => string | undefined;
type Members = Readonly<Record<string, unknown>>;

const finders = new Map<DescMessage, Finder>();

function finderOf(desc: DescMessage): Finder {
  const known = finders.get(desc);
  if (known !== undefined) return known;
  // Looked for at the first message: descriptions may hold themselves.
  let members: readonly Finder[] | undefined;
  const finder: Finder = (message) => {
    const unknown = message.$unknown;
    if (unknown !== undefined && unknown.length > 0) return `number ${unknown[0]!.no}`;
    members ??= desc.members.map(memberFinder).filter((each) => each !== undefined);
    for (const find of members) {
      const place = find(message);
      if (place !== undefined) return place;
    }
    return undefined;
  };
  finders.set(desc, finder);
  return finder;
}

function memberFinder(member: DescField | DescOneof): Finder | undefined {
  return member.kind === 'oneof' ? oneofFinder(member) : fieldFinder(member);
}

function oneofFinder({ fields, localName }: DescOneof): Finder | undefined {
  const cases = new Map<string | undefined, Finder>();
  for (const field of fields) if (field.message !== undefined) cases.set(field.localName, finderOf(field.message));
  if (cases.size === 0) return undefined;
  return (message) => {
    const chosen = (message as unknown as Members)[localName] as { readonly case?: string; readonly value?: unknown };
    const find = cases.get(chosen.case);
    return find && within(find(chosen.value as Message), localName);
  };
}

function fieldFinder({ fieldKind, message: desc, localName }: DescField): Finder | undefined {
  if (desc === undefined) return undefined;
  const find = finderOf(desc);
  switch (fieldKind) {
    case 'message':
      return (message) => {
        const value = (message as unknown as Members)[localName] as Message | undefined;
        return value && within(find(value), localName);
      };
    case 'list':
      return (message) => {
        for (const value of (message as unknown as Members)[localName] as readonly Message[]) {
          const place = find(value);
          if (place !== undefined) return within(place, localName);
        }
        return undefined;
      };
    case 'map':
      return (message) => {
        const values = (message as unknown as Members)[localName] as Readonly<Record<string, Message>>;
        for (const key in values) {
          const place = find(values[key]!);
          if (place !== undefined) return within(place, localName);
        }
        return undefined;
      };
    default:
      return undefined;
  }
}

function within(place: string | undefined, name: string): string | undefined {
  return place === undefined ? undefined : `${place} in ${name}`;
}
