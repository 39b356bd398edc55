import { done, type Outcome, refused } from './outcome.ts';

/** Where a page ended. Opaque to callers; bounded by the request's own rules. */
export type PageToken = readonly (string | number)[];

export function writePageToken(token: PageToken): string {
  return Buffer.from(JSON.stringify(token), 'utf8').toString('base64url');
}

/** Undefined: the first page. `shape` gives the type of each part. */
export function readPageToken<Shape extends PageToken>(text: string, shape: Shape): Outcome<Widen<Shape> | undefined> {
  if (text === '') return done(undefined);
  try {
    const token: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    if (Array.isArray(token) && token.length === shape.length && token.every(isLike(shape))) {
      return done(token as unknown as Widen<Shape>);
    }
  } catch {
    // Falls through: it is no token of ours.
  }
  return refused({ kind: 'invalid', message: 'the page token is none that this service gave out', problems: [] });
}

export function pageSizeOf(asked: number, unset: number, most: number): number {
  return Math.min(asked === 0 ? unset : asked, most);
}

type Widen<Shape extends PageToken> = {
  -readonly [K in keyof Shape]: Shape[K] extends number ? number : string;
};

function isLike(shape: PageToken) {
  return (part: unknown, index: number) =>
    typeof part === typeof shape[index] &&
    (typeof part === 'string' || (Number.isSafeInteger(part) && Number(part) >= 0));
}
