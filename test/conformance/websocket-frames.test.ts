/** Where frames end, by the frames that another implementation of RFC 6455 writes. */
import { FrameTracker } from '@sluice/data-plane/websocket';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import * as ws from 'ws';

interface FrameOptions {
  readonly fin: boolean;
  readonly opcode: number;
  readonly mask: boolean;
  readonly readOnly: boolean;
  readonly rsv1: boolean;
}
/** As ws makes its frames; its types leave it out. */
const { Sender } = ws as unknown as { Sender: { frame(data: Buffer, options: FrameOptions): Buffer[] } };

const payload = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.constantFrom(0, 125, 126, 127, 65_535, 65_536, 66_000).map((length) => new Uint8Array(length).fill(0x88)),
);
const data = fc.record({ opcode: fc.constantFrom(0, 1, 2), fin: fc.boolean(), rsv1: fc.boolean(), bytes: payload });
const control = fc.record({
  opcode: fc.constantFrom(8, 9, 10),
  fin: fc.constant(true),
  rsv1: fc.constant(false),
  bytes: fc.uint8Array({ maxLength: 125 }),
});

test.each([true, false])('every split of frames of ws finds the same boundaries (of a client: %s)', (mask) => {
  fc.assert(
    fc.property(fc.array(fc.oneof(data, control), { minLength: 1, maxLength: 6 }), (frames) => {
      const written = frames.map(({ bytes, ...options }) =>
        Buffer.concat(Sender.frame(Buffer.from(bytes), { ...options, mask, readOnly: false })),
      );
      const all = Buffer.concat(written);
      const ends = new Set([0]);
      for (const { length } of written) ends.add(Math.max(...ends) + length);
      for (const at of splits(all.length, ends)) {
        const tracker = new FrameTracker(mask);
        tracker.take(all.subarray(0, at));
        expect([at, tracker.atBoundary]).toEqual([at, ends.has(at)]);
        tracker.take(all.subarray(at));
        expect([at, tracker.atBoundary, tracker.lost]).toEqual([at, true, false]);
        expect(tracker.closeSeen).toBe(frames.some(({ opcode }) => opcode === 8));
      }
    }),
    { numRuns: 60 },
  );
});

/** Every offset; of long payloads, those around their ends alone. */
function splits(length: number, ends: ReadonlySet<number>): number[] {
  const all = Array.from({ length: length + 1 }, (_, at) => at);
  return length < 2000 ? all : all.filter((at) => [...ends].some((end) => at >= end - 3 && at <= end + 15));
}
