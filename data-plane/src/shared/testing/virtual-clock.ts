import type { Clock } from '../clock.ts';

/** A clock that stands until it is set. */
export class VirtualClock implements Clock {
  us: number;
  constructor(us = 1_000_000) {
    this.us = us;
  }
  nowUs = () => this.us;
  nowMs = () => this.us / 1000;
}
