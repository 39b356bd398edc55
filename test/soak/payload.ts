import { createHash } from 'node:crypto';

/** Bytes that belong to one request: those of no other id and length begin or end the same. */
export function payload(id: string, bytes: number): Buffer {
  const unit = createHash('sha256').update(id).digest('hex');
  return Buffer.from(`${unit}:`.repeat(Math.ceil(bytes / 65)).slice(0, bytes), 'latin1');
}

export function hash(bytes: Buffer): string {
  return createHash('sha1').update(bytes).digest('hex');
}
