import { styleText } from 'node:util';

export type Style = 'red' | 'green' | 'yellow' | 'bold';

/** Colours a text where the stream it goes to is a terminal and NO_COLOR is not set. */
export function paint(style: Style, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  return styleText(style, text, { stream, validateStream: true });
}
