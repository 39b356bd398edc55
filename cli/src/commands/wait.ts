import { type Duration, durationMs } from '@bufbuild/protobuf/wkt';
import { formatDuration } from '@sluice/engine';
import type { Node, WaitForRevisionResponse } from '@sluice/proto';
import { toRpcError } from '@sluice/proto/grpc-client';
import type { ControlPlaneClient } from '../client/control-plane.ts';
import { CommandFailure } from '../exit.ts';
import { oneLine } from '../output/plain-text.ts';

/** The call itself may take this much longer than what it waits for. */
const SPARE_MS = 5_000;

/**
 * Waits until a revision is active on every connected node, and says how long that took from `since` on. Shows how far it is on a
 * terminal.
 * @throws CommandFailure with the nodes that are not there in time, or hold something
 */
export async function waitForRevision(
  { fleet }: ControlPlaneClient,
  revision: bigint,
  timeout: Duration,
  since: number,
): Promise<void> {
  let last: WaitForRevisionResponse | undefined;
  try {
    const call = fleet.waitForRevision({ revision, timeout }, { timeoutMs: durationMs(timeout) + SPARE_MS });
    for await (const progress of call) {
      last = progress as WaitForRevisionResponse;
      showProgress(last);
    }
  } catch (error) {
    const { rawMessage } = toRpcError(error);
    throw new CommandFailure(
      `revision ${revision} was stored, but whether it is active is not known: ${oneLine(rawMessage)}`,
    );
  } finally {
    clearProgress();
  }
  const tookMs = Math.round(performance.now() - since);
  if (last === undefined) throw new CommandFailure('the control plane said nothing about the nodes');
  if (!last.done || last.waiting.length > 0) throw new CommandFailure(describeWaiting(last, revision, timeout));
  process.stdout.write(
    last.connected === 0 ? 'no node is connected\n' : `active on ${countNodes(last.connected)} after ${tookMs} ms\n`,
  );
}

function describeWaiting(
  { waiting, connected, active, done }: WaitForRevisionResponse,
  revision: bigint,
  timeout: Duration,
): string {
  const head = done
    ? `revision ${revision} is active on ${countNodes(connected)}, but not all of it:`
    : `revision ${revision} is active on ${active} of ${countNodes(connected)} after ${formatDuration(timeout)}; not on:`;
  return [head, ...waiting.map(describeNode)].join('\n');
}

function describeNode({ nodeId, activeRevision, reason, held }: Node): string {
  const holds = held.map((each) => `\n    holds ${oneLine(`${each.kind}/${each.name}: ${each.reason}`)}`).join('');
  return `  ${oneLine(nodeId)}: at revision ${activeRevision}${reason === '' ? '' : `, ${oneLine(reason)}`}${holds}`;
}

function countNodes(count: number): string {
  return count === 1 ? '1 node' : `${count} nodes`;
}

function showProgress({ active, connected, done }: WaitForRevisionResponse): void {
  if (process.stderr.isTTY && !done)
    process.stderr.write(`\rwaiting: active on ${active} of ${countNodes(connected)} `);
}

function clearProgress(): void {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
}
