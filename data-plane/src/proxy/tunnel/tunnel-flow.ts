import type { MetricsRecorder } from '../../shared/index.ts';
import type { FrameTracker } from '../../websocket/index.ts';
import type { TunnelEnd } from './tunnel-end.ts';

type Phase =
  /** What comes is passed on. */
  | 'passing'
  /** As well, to the end of the present frame; a Close frame follows. */
  | 'finishing'
  /** What comes is thrown away: a Close frame was the last to be passed on. */
  | 'closed'
  /** The source has ended, and the sink was told. */
  | 'ended';

/** Who is asked about memory: what is held for ends that do not read is bounded for all tunnels together. */
export interface HeldBytes {
  hold(flow: TunnelFlow, bytes: number): void;
  release(flow: TunnelFlow): void;
}

/**
 * The bytes that go one way through a tunnel. What the sink does not take at once is held, at most one read of it, and nothing is
 * read from the source until it is taken.
 */
export class TunnelFlow {
  /** Knows where frames end. */
  readonly tracker: FrameTracker;
  phase: Phase = 'passing';
  /** Since when the sink has taken nothing of what is held, shared clock; Infinity: nothing is held. */
  stuckSinceMs = Number.POSITIVE_INFINITY;
  readonly #source: TunnelEnd;
  readonly #sink: TunnelEnd;
  readonly #held: HeldBytes;
  readonly #metrics: MetricsRecorder;
  readonly #passedBytes: number;
  readonly #onTooMuch: () => void;
  #closeFrame: Buffer | null = null;
  #unsentMark = 0;

  /**
   * `passedBytes`: counter of bytes passed on. `onTooMuch`: too much is held for all tunnels together, and this one has been held up
   * for longest.
   */
  constructor(
    source: TunnelEnd,
    sink: TunnelEnd,
    tracker: FrameTracker,
    held: HeldBytes,
    metrics: MetricsRecorder,
    passedBytes: number,
    onTooMuch: () => void,
  ) {
    this.#source = source;
    this.#sink = sink;
    this.tracker = tracker;
    this.#held = held;
    this.#metrics = metrics;
    this.#passedBytes = passedBytes;
    this.#onTooMuch = onTooMuch;
  }

  get ended(): boolean {
    return this.phase === 'ended';
  }

  /** Bytes from the source; `chunk` is valid during the call only. */
  take(chunk: Buffer, nowMs: number): void {
    switch (this.phase) {
      case 'passing':
        this.tracker.take(chunk);
        this.#send(chunk, nowMs);
        break;
      case 'finishing':
        this.#finishFrame(chunk, nowMs);
        break;
      case 'closed':
        this.tracker.take(chunk);
        break;
      case 'ended':
        break;
      default:
        this.phase satisfies never;
    }
  }

  /** The sink has taken everything. */
  onFlushed(): void {
    if (this.stuckSinceMs === Number.POSITIVE_INFINITY) return;
    this.stuckSinceMs = Number.POSITIVE_INFINITY;
    this.#held.release(this);
    this.#source.resume();
  }

  /** Whether the sink has taken anything since the last look. */
  lookForProgress(nowMs: number): boolean {
    if (this.stuckSinceMs === Number.POSITIVE_INFINITY) return false;
    const mark = this.#sink.unsentMark;
    if (mark === this.#unsentMark) return false;
    this.#unsentMark = mark;
    this.stuckSinceMs = nowMs;
    return true;
  }

  /** The source sends no more. */
  end(): void {
    if (this.phase === 'ended') return;
    this.phase = 'ended';
    this.#sink.end();
  }

  /** What the source still sends is thrown away. */
  discard(): void {
    if (this.phase !== 'ended') this.phase = 'closed';
  }

  /** Puts `frame`, a Close frame, behind the present frame and passes nothing on after it. Where no frame may follow, nothing. */
  close(frame: Buffer, nowMs: number): void {
    if (this.phase !== 'passing' || this.tracker.closeSeen || this.tracker.lost) return;
    this.#closeFrame = frame;
    this.phase = 'finishing';
    if (this.tracker.atBoundary) this.#sendClose(frame, nowMs);
  }

  /** There is more memory held than all tunnels may have. */
  tooMuchHeld(): void {
    this.#onTooMuch();
  }

  /** The tunnel is over. */
  forget(): void {
    this.phase = 'ended';
    this.#held.release(this);
    this.stuckSinceMs = Number.POSITIVE_INFINITY;
  }

  #finishFrame(chunk: Buffer, nowMs: number): void {
    const end = this.tracker.takeFrame(chunk, 0);
    this.#send(chunk.subarray(0, end), nowMs);
    // Sending may have ended the tunnel: too much was held.
    if (this.ended) return;
    if (this.tracker.lost) {
      this.phase = 'passing';
    } else if (this.tracker.atBoundary) {
      this.#sendClose(this.#closeFrame as Buffer, nowMs);
      this.tracker.take(chunk.subarray(end));
    }
  }

  #sendClose(frame: Buffer, nowMs: number): void {
    this.phase = 'closed';
    this.#send(frame, nowMs);
  }

  #send(bytes: Buffer, nowMs: number): void {
    this.#metrics.addMany(this.#passedBytes, bytes.length);
    if (this.#sink.send(bytes)) return;
    this.#source.keepChunk();
    this.#source.pause();
    this.#unsentMark = this.#sink.unsentMark;
    if (this.stuckSinceMs === Number.POSITIVE_INFINITY) this.stuckSinceMs = nowMs;
    this.#held.hold(this, this.#sink.heldBytes);
  }
}
