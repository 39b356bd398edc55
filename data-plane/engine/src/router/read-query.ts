/**
 * The decoded value of the first parameter of that name in a raw query (its `?` may lead), or undefined. `+` is a space; escapes
 * that are no UTF-8 stay as they are. `name` without `=` has the empty value. Nothing is kept between calls.
 */
export function readQueryParameter(query: string, name: string): string | undefined {
  let start = query.charCodeAt(0) === QUESTION_MARK ? 1 : 0;
  while (start < query.length) {
    const ampersand = query.indexOf('&', start);
    const end = ampersand === -1 ? query.length : ampersand;
    const equals = query.indexOf('=', start);
    const nameEnd = equals === -1 || equals > end ? end : equals;
    if (nameEnd > start && decode(query.slice(start, nameEnd)) === name) {
      return nameEnd === end ? '' : decode(query.slice(nameEnd + 1, end));
    }
    start = end + 1;
  }
  return undefined;
}

const QUESTION_MARK = 0x3f;

function decode(text: string): string {
  if (!text.includes('%') && !text.includes('+')) return text;
  const spaced = text.replaceAll('+', ' ');
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}
