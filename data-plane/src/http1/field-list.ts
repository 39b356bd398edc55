import type { HeaderId } from './header-id.ts';

/**
 * Header fields of one message, in the order and letter case received. Only the parser makes one, so every name and value
 * in it may be written again; what is added or left out on the way is for `HeadWriter`.
 */
export interface FieldList {
  /** name, value, name, value, ...; values without the white space around them, each byte one character (latin1). */
  readonly headers: readonly string[];
  /** `ids[i]` is the id of `headers[2 * i]`. */
  readonly ids: readonly HeaderId[];
  /** The head as it came, where it came in one piece, else empty: lets `HeadWriter` copy many lines at once. */
  readonly text: string;
  /**
   * With `text`: where the line of each field starts in it, and behind the last where the lines end. Stored as `~offset`
   * where the line is not spelled `name: value` and so is not to be copied.
   */
  readonly lines: readonly number[];
}

/** First value of a known field, or undefined. */
export function fieldValue(fields: FieldList, id: HeaderId): string | undefined {
  const at = fields.ids.indexOf(id);
  return at < 0 ? undefined : fields.headers[2 * at + 1];
}

/** All values of a known field joined by `, ` (RFC 9110 5.3), or undefined where there is none. */
export function joinedFieldValue(fields: FieldList, id: HeaderId): string | undefined {
  let at = fields.ids.indexOf(id);
  if (at < 0) return undefined;
  let value = fields.headers[2 * at + 1] as string;
  for (at = fields.ids.indexOf(id, at + 1); at >= 0; at = fields.ids.indexOf(id, at + 1)) {
    value += `, ${fields.headers[2 * at + 1]}`;
  }
  return value;
}

/** All values of a field joined by `, `, by its name in lower case: for names that only configuration knows. */
export function namedFieldValue(fields: FieldList, lowerCaseName: string): string | undefined {
  const { headers } = fields;
  let value: string | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (name.length !== lowerCaseName.length) continue;
    if (name !== lowerCaseName && name.toLowerCase() !== lowerCaseName) continue;
    value = value === undefined ? headers[i + 1] : `${value}, ${headers[i + 1]}`;
  }
  return value;
}
