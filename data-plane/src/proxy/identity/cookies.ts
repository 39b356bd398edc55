import { type FieldList, type FieldText, HeaderId } from '../../http1/index.ts';

/** The value of a cookie (RFC 6265, 4.2.1), without quotes around it. Undefined where there is none; empty where there are several. */
export function readCookie(head: FieldList, name: string): string | undefined {
  let found: string | undefined;
  for (const pair of pairsOf(head)) {
    if (!isNamed(pair, name)) continue;
    // Which of two counts, each server decides its own way.
    if (found !== undefined) return '';
    const value = pair.slice(name.length + 1);
    found = value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
  }
  return found;
}

/** The Cookie line of what is passed on: all but the cookies of these names. Empty where nothing is left. */
export function cookiesWithout(head: FieldList, names: readonly string[]): FieldText {
  const kept = pairsOf(head).filter((pair) => !names.some((name) => isNamed(pair, name)));
  return (kept.length === 0 ? '' : `cookie: ${kept.join('; ')}\r\n`) as FieldText;
}

function pairsOf({ headers, ids }: FieldList): string[] {
  const pairs: string[] = [];
  for (let i = 0; i < ids.length; i++) {
    if (ids[i] !== HeaderId.cookie) continue;
    for (const pair of (headers[2 * i + 1] as string).split(';')) if (pair.trim() !== '') pairs.push(pair.trim());
  }
  return pairs;
}

function isNamed(pair: string, name: string): boolean {
  return pair.startsWith(name) && (pair.length === name.length || pair[name.length] === '=');
}
