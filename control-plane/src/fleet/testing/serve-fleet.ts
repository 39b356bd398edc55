import { createLog } from '@sluice/engine';
import { addFleetService } from '../../rpc/fleet-service.ts';
import { createRequestHandler } from '../../rpc/handle-request.ts';
import { openPort } from '../../rpc/one-port.ts';
import { createRouter } from '../../rpc/router.ts';
import { addSyncService } from '../../rpc/sync-service.ts';
import type { Track } from '../../state/track.ts';
import type { NodeRecord } from '../../store/store.ts';
import { Fleet, type FleetOptions } from '../fleet.ts';
import { CommandTable, serveCommands } from './command-table.ts';
import { changeTrack, type ItemChanges, serveTrack } from './serve-track.ts';

export interface ServedFleet extends AsyncDisposable {
  readonly fleet: Fleet;
  readonly address: string;
  readonly config: Track;
  readonly facts: Track;
  /** What the fleet logged at warn and error. */
  readonly log: readonly string[];
  readonly database: TestDatabase;
  /** Makes the next revision of a track, and tells the fleet. */
  change(track: Track, changes: ItemChanges, nodeGroups?: readonly string[]): void;
}

/** The database as the fleet sees it. */
export interface TestDatabase {
  historyId: string;
  /** While true, nothing can be read or written. */
  away: boolean;
  /** The rows of the table of nodes. */
  readonly rows: Map<string, NodeRecord>;
  /** The table of commands, which all replicas hear of. */
  readonly commands: CommandTable;
  /** What another replica wrote, found by a refresh. */
  onRefresh: () => void;
}

/** The fleet and its services on a port of their own, over tracks in memory. */
export async function serveFleet(
  options: Partial<FleetOptions> & { pingIntervalMs?: number; database?: TestDatabase } = {},
): Promise<ServedFleet> {
  const lines: string[] = [];
  const log = createLog(
    'warn',
    (line) => void lines.push(line),
    () => new Date(),
  );
  const { track: config } = serveTrack('config');
  const { track: facts } = serveTrack('facts');
  const database: TestDatabase = options.database ?? {
    historyId: 'history-1',
    away: false,
    rows: new Map(),
    commands: new CommandTable(),
    onRefresh: () => undefined,
  };
  const ask = async <T>(answer: () => T): Promise<T> => {
    if (database.away) throw new Error('the database is away');
    return answer();
  };
  const fleet = new Fleet({
    state: {
      get historyId() {
        return database.historyId;
      },
      config,
      facts,
      refresh: () => ask(() => database.onRefresh()),
    },
    store: {
      saveNodes: (nodes) => ask(() => nodes.forEach((node) => void database.rows.set(node.nodeId, node))),
      listNodes: () => ask(() => [...database.rows.values()]),
      ...serveCommands(database.commands, ask),
    },
    replicaId: 'replica-1',
    heartbeatIntervalMs: 5000,
    maxNodes: 5000,
    flushIntervalMs: 50,
    log,
    ...options,
  });
  const port = await openPort(
    { host: '127.0.0.1', port: 0 },
    {
      maxConnections: 5000,
      maxHeadBytes: 16_384,
      maxStreams: 1000,
      idleMs: 10_000,
      pingIntervalMs: options.pingIntervalMs ?? 10_000,
    },
  );
  const readiness = { serving: true, subscribe: () => () => undefined };
  const router = createRouter({
    readiness,
    log,
    addServices(services) {
      addFleetService(services, fleet);
      addSyncService(services, fleet);
    },
  });
  port.serve(createRequestHandler(router, log));
  return {
    fleet,
    address: `http://127.0.0.1:${port.address.port}`,
    config,
    facts,
    log: lines,
    database,
    change: changeTrack,
    async [Symbol.asyncDispose]() {
      await fleet.close();
      await port.close(200);
    },
  };
}
