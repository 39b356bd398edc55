/**
 * One message, or what looks like one, as an attacker may build it. `TARGET` and `HIDDEN` in its bytes get the number of
 * the case, so that whatever arrives anywhere is known by its target and by the field `X-Case`.
 */
export type SmugglingCase = {
  readonly name: string;
  readonly bytes: string;
  /** The most requests that a reader of RFC 9112 may find in the bytes. */
  readonly most: number;
  /** Where only one thing may happen to it. Unset: it is refused, or passed on with one meaning. */
  readonly verdict?: 'refused' | 'forwarded';
  /** The body that must arrive with a forwarded request. Unset: any. */
  readonly body?: string;
};

/** Targets of the request and of what is hidden in it. Replaced by ones of the same length. */
export const TARGET = '/c/00000';
export const HIDDEN = '/h/00000';

/** What an attacker wants to be taken for a request of its own. */
export const hidden = `GET ${HIDDEN} HTTP/1.1\r\nHost: h\r\n\r\n`;
export const chunkedHidden = `0\r\n\r\n${hidden}`;
export const hello = '5\r\nhello\r\n0\r\n\r\n';

/** The end of a head that has no more than each message needs. */
export const FIELDS = 'Host: h\r\nX-Case: 00000\r\n\r\n';

export const chunked = (body: string): string => message(['Transfer-Encoding: chunked'], body);

/** A request of these field lines, with Host and the number of the case first. */
export function message(lines: readonly string[], body = '', { method = 'POST', version = '1.1' } = {}): string {
  const fields = ['Host: h', 'X-Case: 00000', ...lines].map((line) => `${line}\r\n`).join('');
  return `${method} ${TARGET} HTTP/${version}\r\n${fields}\r\n${body}`;
}

/** Numbers the cases. */
export function numbered(cases: readonly SmugglingCase[]): SmugglingCase[] {
  return cases.map((one, index) => {
    const id = idOf(index);
    const number = (text: string) => text.replaceAll(/(?<=\/[ch]\/|X-Case: )00000/g, id);
    return { ...one, bytes: number(one.bytes), ...(one.body !== undefined && { body: number(one.body) }) };
  });
}

export function idOf(index: number): string {
  return String(index).padStart(5, '0');
}
