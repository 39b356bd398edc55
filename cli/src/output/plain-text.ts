/**
 * A text that a terminal only shows: control characters, which could move the cursor, change colours or hide what follows, become
 * U+FFFD, as do those that change the direction of writing. Tabs and line feeds stay.
 */
export function plainText(text: string): string {
  return text.replace(UNSAFE, '\ufffd');
}

/** As {@link plainText}, on one line: white space of any kind becomes one space. */
export function oneLine(text: string): string {
  return plainText(text.replace(/\s+/g, ' ')).trim();
}

/** C0 but tab and line feed, DEL, C1, line and paragraph separators, and the marks of bidirectional writing. */
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
