import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FrameTracker } from './frame-tracker.ts';

interface Frame {
  readonly opcode: number;
  readonly length: number;
  readonly masked: boolean;
}

/** A frame written as RFC 6455 5.2 draws it, with the shortest length field. */
function encode({ opcode, length, masked }: Frame): Buffer {
  const mask = masked ? 0x80 : 0;
  const size = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  size[0] = 0x80 | opcode;
  if (length < 126) size[1] = mask | length;
  else if (length < 65_536) {
    size[1] = mask | 126;
    size.writeUInt16BE(length, 2);
  } else {
    size[1] = mask | 127;
    size.writeBigUInt64BE(BigInt(length), 2);
  }
  // A payload that looks like frames all through.
  return Buffer.concat([size, masked ? Buffer.alloc(4, 0x88) : Buffer.alloc(0), Buffer.alloc(length, 0x88)]);
}

const frames = (masked: boolean) =>
  fc.array(
    fc.oneof(
      fc.record({
        opcode: fc.constantFrom(0, 1, 2),
        length: fc.oneof(fc.nat(300), fc.constantFrom(0, 125, 126, 127, 65_535, 65_536, 70_000)),
        masked: fc.constant(masked),
      }),
      fc.record({ opcode: fc.constantFrom(8, 9, 10), length: fc.nat(125), masked: fc.constant(masked) }),
    ),
    { maxLength: 8 },
  );

describe('the frame tracker', () => {
  test.each([false, true])('stands at a boundary exactly behind whole frames, cut anywhere (masked: %s)', (masked) => {
    fc.assert(
      fc.property(frames(masked), fc.array(fc.nat(70), { minLength: 1, maxLength: 30 }), (sent, cuts) => {
        const encoded = sent.map(encode);
        const bytes = Buffer.concat(encoded);
        const ends = new Set([0]);
        let closeAt = Number.POSITIVE_INFINITY;
        let end = 0;
        for (const [index, frame] of encoded.entries()) {
          end += frame.length;
          ends.add(end);
          if (sent[index]?.opcode === 8) closeAt = Math.min(closeAt, end);
        }
        const tracker = new FrameTracker(masked);
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const next = Math.min(bytes.length, at + 1 + (cuts[turn % cuts.length] as number) ** 2);
          tracker.take(bytes.subarray(at, next));
          at = next;
          expect([tracker.atBoundary, tracker.closeSeen, tracker.lost]).toEqual([ends.has(at), at >= closeAt, false]);
        }
      }),
    );
  });

  test('finds the end of the present frame', () => {
    const bytes = Buffer.concat([
      encode({ opcode: 1, length: 300, masked: false }),
      encode({ opcode: 2, length: 5, masked: false }),
    ]);
    for (let cut = 1; cut < 304; cut++) {
      const tracker = new FrameTracker(false);
      tracker.take(bytes.subarray(0, cut));
      expect(tracker.takeFrame(bytes, cut)).toBe(304);
      expect(tracker.atBoundary).toBe(true);
    }
  });

  test('reads a frame of 2^53 - 1 bytes by its header', () => {
    const tracker = new FrameTracker(false);
    tracker.take(Buffer.from([0x82, 127, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]));
    tracker.take(Buffer.alloc(1 << 20));
    expect([tracker.atBoundary, tracker.lost]).toEqual([false, false]);
  });

  test.each([
    ['a length past 2^53 - 1', false, [0x82, 127, 0, 0x20, 0, 0, 0, 0, 0, 0]],
    ['a negative length', false, [0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0]],
    ['a frame of a client without a mask', true, [0x81, 0]],
    ['a frame of a server with a mask', false, [0x81, 0x80, 0, 0, 0, 0]],
    ['an opcode that is not defined', false, [0x83, 0]],
    ['a control opcode that is not defined', false, [0x8b, 0]],
    ['a control frame of 126 bytes', false, [0x89, 126, 0, 126]],
    ['a fragment of a control frame', false, [0x09, 0]],
    ['HTTP', false, [...Buffer.from('HTTP/1.1 200 OK\r\n')]],
  ])('is lost for good by %s, whole or byte by byte', (_, masked, bytes) => {
    for (const cut of [bytes.length, 1]) {
      const tracker = new FrameTracker(masked);
      for (let at = 0; at < bytes.length; at += cut) tracker.take(Uint8Array.from(bytes.slice(at, at + cut)));
      expect([tracker.lost, tracker.atBoundary]).toEqual([true, false]);
      tracker.take(encode({ opcode: 8, length: 0, masked }));
      expect([tracker.lost, tracker.atBoundary, tracker.closeSeen]).toEqual([true, false, false]);
    }
  });
});
