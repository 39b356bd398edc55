import type { Duration } from '@bufbuild/protobuf/wkt';
import type { ResourceChange, Problem as WireProblem } from '@sluice/proto';
import type { Command } from 'commander';
import type { ControlPlaneClient } from '../client/control-plane.ts';
import { readProblems } from '../client/read-problems.ts';
import { retryChange } from '../client/retry-change.ts';
import type { LoadedManifests } from '../manifests/load-manifests.ts';
import { countChanges, formatChanges } from '../output/changes.ts';
import { printWarnings } from '../output/problems.ts';
import { durationOption, readRevision } from './flags.ts';
import { waitForRevision } from './wait.ts';

/** What every change can be told. */
export interface ChangeFlags {
  readonly dryRun?: true;
  readonly force?: true;
  readonly wait?: true;
  readonly timeout: Duration;
  readonly expectRevision?: bigint;
  readonly message?: string;
}

/** The part of a request that {@link ChangeFlags} give. */
export interface ChangeRequest {
  readonly dryRun: boolean;
  readonly force: boolean;
  readonly message: string;
  readonly idempotencyKey: string;
  readonly expectedRevision?: bigint;
}

/** What every change answers. */
export interface ChangeAnswer {
  readonly revision: bigint;
  readonly changes: readonly ResourceChange[];
  readonly warnings: readonly WireProblem[];
}

/** Adds the flags of a change. */
export function withChangeFlags(command: Command): Command {
  return command
    .option('--dry-run', 'check everything and say what would change, but change nothing')
    .option('--force', 'admit a change that deletes more than half of the resources, and more than ten')
    .option('--wait', 'wait until the change is active on every connected node, and say how long that took')
    .addOption(durationOption('--timeout <duration>', 'how long --wait waits', '1h', '30s'))
    .option('--expect-revision <n>', 'only where this is the current revision', readRevision)
    .option('-m, --message <text>', 'why, for the history');
}

/** Sends a change, says what it did and, where that is asked for, waits until it is active. */
export async function makeChange(
  client: ControlPlaneClient,
  flags: ChangeFlags,
  send: (request: ChangeRequest) => Promise<ChangeAnswer>,
  options: { readonly manifests?: LoadedManifests; readonly note?: string } = {},
): Promise<void> {
  const { dryRun = false, force = false, message = '', expectRevision } = flags;
  const answer = await retryChange((key) =>
    send({
      dryRun,
      force,
      message,
      idempotencyKey: dryRun ? '' : key,
      ...(expectRevision === undefined ? {} : { expectedRevision: expectRevision }),
    }),
  );
  const since = performance.now();
  printWarnings(readProblems(answer.warnings), (warning) => options.manifests?.placeOf(warning));
  process.stdout.write(describe(answer, dryRun, options.note ?? ''));
  if (flags.wait && !dryRun) await waitForRevision(client, answer.revision, flags.timeout, since);
}

function describe({ changes, revision }: ChangeAnswer, dryRun: boolean, note: string): string {
  if (changes.length === 0) return `nothing to change; the revision is ${revision}\n`;
  const list = formatChanges(changes);
  if (dryRun) return `${list}dry run: ${countChanges(changes)}; nothing was changed\n`;
  return `${list}revision ${revision}${note}: ${countChanges(changes)}\n`;
}
