import type { DescEnum, DescEnumValue } from '@bufbuild/protobuf';

/** An enum value as manifests write it: lowerCamel without the enum's name, `POLICY_MODE_DRY_RUN` as `dryRun`. */
export function enumText(desc: DescEnum, value: DescEnumValue): string {
  const prefix = `${desc.name.replace(/(?<=[a-z0-9])(?=[A-Z])/g, '_').toUpperCase()}_`;
  const bare = value.name.startsWith(prefix) ? value.name.slice(prefix.length) : value.name;
  return bare.toLowerCase().replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** What manifests may write for an enum: the zero value is what is not written. */
export function enumTexts(desc: DescEnum): ReadonlyMap<string, number> {
  const known = TEXTS.get(desc);
  if (known !== undefined) return known;
  const written = desc.values.filter(({ number }) => number !== 0);
  const texts = new Map(written.map((value) => [enumText(desc, value), value.number]));
  TEXTS.set(desc, texts);
  return texts;
}

const TEXTS = new Map<DescEnum, ReadonlyMap<string, number>>();
