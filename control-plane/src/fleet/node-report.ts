import { timestampDate } from '@bufbuild/protobuf/wkt';
import { type Ack, type Breaker, BreakerState, type HeldResource, type Hello, type Status } from '@sluice/proto';

/** What a node last said of itself. */
export interface NodeReport {
  /** The history of what it has. Empty: it has nothing. */
  readonly historyId: string;
  readonly held: readonly HeldResource[];
  readonly activeSince: Date | undefined;
  readonly persistedRevision: bigint;
  readonly workersReady: number;
  readonly workers: number;
  readonly draining: boolean;
  readonly breakers: readonly Breaker[];
  /** When it last refused an update. */
  readonly refusedAt: Date | undefined;
}

/** Breakers kept of one node: as many as it reports. */
const MAX_BREAKERS = 2000;

export function reportOfHello(hello: Hello): NodeReport {
  return {
    historyId: hello.historyId,
    held: hello.held,
    activeSince: hello.activeSince && timestampDate(hello.activeSince),
    persistedRevision: hello.persistedRevision,
    workersReady: 0,
    workers: hello.workers,
    draining: false,
    breakers: [],
    refusedAt: undefined,
  };
}

/** With what an Ack of the track of configuration says. */
export function reportAck(report: NodeReport, { historyId, held, activeSince }: Ack): NodeReport {
  return { ...report, historyId, held, activeSince: activeSince && timestampDate(activeSince), refusedAt: undefined };
}

export function reportStatus(report: NodeReport, status: Status): NodeReport {
  const { persistedRevision, workersReady, workers, draining } = status;
  return { ...report, persistedRevision, workersReady, workers, draining, breakers: keepBreakers(status.breakers) };
}

/** As many as a fleet view can show; those that are not closed first. */
function keepBreakers(breakers: readonly Breaker[]): readonly Breaker[] {
  if (breakers.length <= MAX_BREAKERS) return breakers;
  const isClosed = ({ state }: Breaker) => Number(state === BreakerState.CLOSED);
  return [...breakers].sort((left, right) => isClosed(left) - isClosed(right)).slice(0, MAX_BREAKERS);
}
