/** A body of known length: counts what is still to come. Reusable: `begin` starts the next one. */
export class LengthBody {
  /** Bytes of the body still to come. */
  remaining = 0;

  begin(contentLength: number): void {
    this.remaining = contentLength;
  }

  get done(): boolean {
    return this.remaining === 0;
  }

  /** Takes what of `chunk[start..]` belongs to the body and gives the offset behind it; the rest is the next message. */
  take(chunk: Buffer, start: number): number {
    const length = Math.min(this.remaining, chunk.length - start);
    this.remaining -= length;
    return start + length;
  }
}
