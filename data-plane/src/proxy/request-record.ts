import type { DryRunField } from '../shared/index.ts';
import type { ProblemCode } from './problem.ts';

/** Of more tries it is only known how many there were. */
const MAX_TRIES = 16;

/** One try of a request, as it went. Times on the shared clock, microseconds; 0: not yet. */
export interface TryRecord {
  readonly service: string;
  /** Of the endpoint. */
  readonly address: string;
  readonly startedUs: number;
  /** The answer's head has come. */
  headUs: number;
  endedUs: number;
  /** Of the answer; 0: none came. */
  status: number;
  failure: ProblemCode | null;
}

/**
 * What is noted of a request whose end is to be told. Others have none: noting costs them a look at whether they have one.
 */
export class RequestRecord {
  /** Logged however it ends; else where it fails. */
  readonly isSampled: boolean;
  /** The code of the gateway's own answer. */
  refusal: ProblemCode | null = null;
  /** What was served instead of the service's answer. */
  fallback: 'service' | 'response' | 'staleCache' | null = null;
  /** The answer could not be completed. */
  isBroken = false;
  /** What policies in dry run would have refused it for. */
  readonly dryRun: DryRunField[] = [];
  tryCount = 0;
  readonly tries: TryRecord[] = [];
  /** What the client had been sent on its connection before. */
  readonly bytesBefore: number;

  constructor(isSampled: boolean, bytesBefore: number) {
    this.isSampled = isSampled;
    this.bytesBefore = bytesBefore;
  }

  get lastTry(): TryRecord | undefined {
    return this.tries.at(-1);
  }

  /** The request has its connection, or has it to be made. */
  beginTry(service: string, address: string, nowUs: number): void {
    this.tryCount++;
    this.endTry(nowUs);
    if (this.tries.length === MAX_TRIES) return;
    this.tries.push({ service, address, startedUs: nowUs, headUs: 0, endedUs: 0, status: 0, failure: null });
  }

  answerTry(status: number, nowUs: number): void {
    const last = this.lastTry;
    if (last === undefined || last.endedUs !== 0) return;
    last.status = status;
    last.headUs = nowUs;
  }

  failTry(failure: ProblemCode): void {
    const last = this.lastTry;
    if (last !== undefined && last.endedUs === 0) last.failure = failure;
  }

  endTry(nowUs: number): void {
    const last = this.lastTry;
    if (last !== undefined && last.endedUs === 0) last.endedUs = nowUs;
  }

  noteDryRun(field: DryRunField): void {
    if (!this.dryRun.includes(field)) this.dryRun.push(field);
  }
}
