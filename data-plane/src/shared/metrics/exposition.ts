import { breakerStateNames, CLOSED, HALF_OPEN, OPEN } from '@sluice/engine';
import type { Shared } from '../attach.ts';
import { ACTIVE_CONNECTIONS, ACTIVE_REQUESTS, ACTIVE_TUNNELS, OVERLOADED } from '../columns.ts';
import type { SlotDirectory } from '../slots.ts';
import { DURATION_BOUNDS, HISTOGRAM_CELLS, overflowKinds, SUM_CELL, viewArena } from './arena-layout.ts';
import { counterFamilies, histogramFamilies } from './families.ts';
import { createSeriesIndex, type SeriesRow } from './series-index.ts';
import { formatLabels, formatNumber } from './text.ts';

/** A metric that is not kept in the arenas, given whole at each scrape. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly samples: readonly MetricSample[];
}

export interface MetricSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ExpositionSources {
  readonly shared: Shared;
  readonly directory: SlotDirectory;
  /** Service slots that have a breaker: the others have no circuit to show. */
  readonly breakers: () => Iterable<number>;
  /** What the main thread knows itself: revision, age, restarts, health of endpoints. */
  readonly families: () => Iterable<MetricFamily>;
}

/** Content type of the text format. */
export const EXPOSITION_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/**
 * All metrics of the node in Prometheus' text format, read from shared memory without asking any worker. Each call gives the text in
 * pieces of some hundred lines, so that whoever writes it can yield between them; an empty piece asks for that.
 * Keep the function: it remembers the names of series.
 */
export function createExposition(sources: ExpositionSources): () => Generator<string, void, undefined> {
  const arenas = sources.shared.region.arenas.map(viewArena);
  const index = createSeriesIndex(arenas, sources.directory);
  return function* expose() {
    for (const _ of index.refresh()) yield '';
    for (const [family, description] of counterFamilies.entries()) {
      yield head(description.name, description.help, 'counter');
      yield* inPieces(
        index.series(family),
        (row) => `${description.name}${row.labels} ${formatNumber(sumSeries(row, arenas))}\n`,
      );
    }
    for (const [family, description] of histogramFamilies.entries()) {
      yield head(description.name, description.help, 'histogram');
      yield* inPieces(index.histograms(family), (row) => histogramLines(description.name, row, arenas));
    }
    for (const family of [...sharedFamilies(sources, arenas), ...sources.families()]) {
      yield head(family.name, family.help, family.type);
      yield* inPieces(
        family.samples,
        (sample) => `${family.name}${formatLabels(Object.entries(sample.labels))} ${formatNumber(sample.value)}\n`,
      );
    }
  };
}

type Arenas = readonly ReturnType<typeof viewArena>[];

function head(name: string, help: string, type: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}

function* inPieces<Row>(rows: Iterable<Row>, line: (row: Row) => string): Generator<string, void, undefined> {
  let piece = '';
  for (const row of rows) {
    piece += line(row);
    if (piece.length > 32_768) {
      yield piece;
      piece = '';
    }
  }
  if (piece !== '') yield piece;
}

function sumSeries(row: SeriesRow, arenas: Arenas): number {
  let total = 0;
  for (let writer = 0; writer < arenas.length; writer++) {
    const at = row.at[writer];
    if (at !== undefined) total += arenas[writer]!.seriesValues[at]!;
  }
  return total;
}

const boundLabels = [...DURATION_BOUNDS.map(String), '+Inf'];

function histogramLines(name: string, row: SeriesRow, arenas: Arenas): string {
  const opened = row.labels === '' ? '{' : `${row.labels.slice(0, -1)},`;
  let text = '';
  let count = 0;
  for (let bucket = 0; bucket < boundLabels.length; bucket++) {
    count += sumHistogramCell(row, arenas, bucket);
    text += `${name}_bucket${opened}le="${boundLabels[bucket]}"} ${formatNumber(count)}\n`;
  }
  text += `${name}_sum${row.labels} ${formatNumber(sumHistogramCell(row, arenas, SUM_CELL))}\n`;
  return `${text}${name}_count${row.labels} ${formatNumber(count)}\n`;
}

function sumHistogramCell(row: SeriesRow, arenas: Arenas, cell: number): number {
  let total = 0;
  for (let writer = 0; writer < arenas.length; writer++) {
    const at = row.at[writer];
    if (at !== undefined) total += arenas[writer]!.histogramValues[at * HISTOGRAM_CELLS + cell]!;
  }
  return total;
}

/** What other parts of the shared region count. */
function* sharedFamilies({ shared, directory, breakers }: ExpositionSources, arenas: Arenas): Generator<MetricFamily> {
  const { process } = shared.columns;
  yield gauge('gateway_active_connections', 'Connections from clients.', process.total(ACTIVE_CONNECTIONS));
  yield gauge('gateway_active_requests', 'Requests being answered.', process.total(ACTIVE_REQUESTS));
  yield gauge('gateway_active_tunnels', 'WebSockets that are open.', process.total(ACTIVE_TUNNELS));
  yield gauge(
    'gateway_overloaded_workers',
    'Workers that give something up because of their load.',
    process.total(OVERLOADED),
  );
  const circuits = [...breakers()].flatMap((slot) => {
    const service = directory.services.nameOf(slot);
    return service === undefined ? [] : [{ slot, service }];
  });
  yield {
    name: 'gateway_circuit_state',
    help: 'State of a service breaker: 0 closed, 1 half-open, 2 open.',
    type: 'gauge',
    samples: circuits.map(({ slot, service }) => ({ labels: { service }, value: shared.breakers.view(slot, 0).state })),
  };
  yield {
    name: 'gateway_circuit_transitions_total',
    help: 'Changes of state of a service breaker.',
    type: 'counter',
    samples: circuits.flatMap(({ slot, service }) =>
      [CLOSED, HALF_OPEN, OPEN].map((state) => ({
        labels: { service, to: breakerStateNames[state]! },
        value: shared.breakers.transitionsTo(slot, state as 0 | 1 | 2),
      })),
    ),
  };
  yield {
    name: 'gateway_overflow_total',
    help: 'What found a bounded place full: booked in a shared place (tables), refused (connections, pending, concurrent_requests), shed (requests, parked_connections), left undecided (rehearsed_bodies) or not written (access_log) or exported (spans, requests of which); and requests that waited (cache_waits, lease_waits, shared_cache_waits), or went on without the cache that nodes share (shared_cache_skips).',
    type: 'counter',
    samples: overflowKinds.map((what, kind) => ({
      labels: { what },
      value: overflowed(what, kind, directory, arenas),
    })),
  };
}

function overflowed(
  what: (typeof overflowKinds)[number],
  kind: number,
  directory: SlotDirectory,
  arenas: Arenas,
): number {
  if (what in directory) return directory[what as keyof SlotDirectory].overflowed;
  return arenas.reduce((total, arena) => total + arena.overflow[kind]!, 0);
}

function gauge(name: string, help: string, value: number): MetricFamily {
  return { name, help, type: 'gauge', samples: [{ labels: {}, value }] };
}
