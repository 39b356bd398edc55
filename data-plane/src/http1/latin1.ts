interface Latin1Readable {
  latin1Slice(start: number, end: number): string;
}

/** `chunk[start..end)` as text, a byte a character. What `toString('latin1', start, end)` comes down to, without its checks. */
export function latin1(chunk: Buffer, start: number, end: number): string {
  return (chunk as Buffer & Latin1Readable).latin1Slice(start, end);
}
