import type { DryRunField } from '../../shared/index.ts';
import type { ProblemCode } from '../problem.ts';
import type { ServerSpan } from './trace-context.ts';

/** Of more tries it is only known how many there were. */
const MAX_TRIES = 16;

/** One try of a request, as it went. Times on the shared clock, microseconds; 0: not yet. */
export interface TryRecord {
  /** Empty: the request is not traced. */
  readonly spanId: string;
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
  /** Logged: always, where it fails, or never. */
  readonly logged: 'always' | 'failed' | 'never';
  /** Null: it is not traced, or nobody takes spans. */
  readonly span: ServerSpan | null;
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

  constructor(logged: RequestRecord['logged'], span: ServerSpan | null, bytesBefore: number) {
    this.logged = logged;
    this.span = span;
    this.bytesBefore = bytesBefore;
  }

  get lastTry(): TryRecord | undefined {
    return this.tries.at(-1);
  }

  /** The request has its connection, or has it to be made. */
  beginTry(spanId: string, service: string, address: string, nowUs: number): void {
    this.tryCount++;
    this.endTry(nowUs);
    if (this.tries.length === MAX_TRIES) return;
    this.tries.push({ spanId, service, address, startedUs: nowUs, headUs: 0, endedUs: 0, status: 0, failure: null });
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
