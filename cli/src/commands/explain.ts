import { timestampMs } from '@bufbuild/protobuf/wkt';
import { DEFAULT_LISTENER, type ExplainedRequest, Explainer, type ExplainerOptions } from '@sluice/engine';
import type { Node } from '@sluice/proto';
import { type Command, InvalidArgumentError } from 'commander';
import type { ControlPlaneClient } from '../client/control-plane.ts';
import { readConfig } from '../client/read-config.ts';
import { CommandFailure, EXIT } from '../exit.ts';
import { explanationValue, printExplanation } from '../explain/print-explanation.ts';
import { readRequest } from '../explain/read-request.ts';
import { readRequestFile } from '../explain/read-request-file.ts';
import { compareAll, type SummaryRow, summarize } from '../explain/summary.ts';
import { readText } from '../manifests/read-files.ts';
import { credentialsRefusedFrom } from '../output/disbelief.ts';
import { oneLine } from '../output/plain-text.ts';
import { type OutputFormat, printList, printValue } from '../output/print.ts';
import type { Column } from '../output/table.ts';
import { formatTime } from '../output/time.ts';
import { withControlPlane, withOutput } from './command.ts';
import { collect, readRevision } from './flags.ts';

interface ExplainFlags {
  readonly header?: readonly string[];
  readonly as?: string;
  readonly scope?: readonly string[];
  readonly group?: readonly string[];
  readonly claim?: Readonly<Record<string, string>>;
  readonly from?: string;
  readonly data?: string;
  readonly listener: string;
  readonly revision?: bigint;
  readonly node?: string;
  readonly file?: string;
  readonly compare?: bigint;
  readonly output: OutputFormat;
}

export function addExplain(program: Command): void {
  const command = program
    .command('explain')
    .description('what a node does with a request, and why: the route that takes it, each policy, where it goes')
    .argument('[method]', 'such as GET')
    .argument('[url]', 'http://HOST/PATH?QUERY, or a path alone');
  withOutput(command)
    .option('-H, --header <name: value>', 'a header of the request; may be given again', collect)
    .option('-d, --data <text>', 'its body')
    .option('--as <consumer>', 'as if a credential of this consumer were presented')
    .option('--scope <scope>', 'a scope of the token; may be given again', collect)
    .option('--group <group>', 'a group of the token, beside those of its consumer; may be given again', collect)
    .option('--claim <name=value>', 'a claim of the token; may be given again', readClaim)
    .option('--from <address>', "the client's IP address, or a trusted proxy's: then with -H 'X-Forwarded-For: ...'")
    .option('--listener <name>', 'the listener it comes to', DEFAULT_LISTENER)
    .option('--revision <n>', 'by the configuration as it was then', readRevision)
    .option('--node <id>', 'by the revision that is active on this node')
    .option('--file <path>', 'many requests, a JSON object a line, or - for standard input: prints how many went where')
    .option('--compare <n>', 'say what this revision decides differently', readRevision)
    .addHelpText(
      'after',
      `
What depends on the moment is told as open: tokens left in a limit, breakers, health, what is drawn by weight.
Credentials in headers are not verified: --as says whose they are. --scope, --group and --claim make it a token, which has its own
scopes alone; else the caller has those of the consumer.
A line of --file: {"method":"GET","url":"http://a.example/x","headers":{"accept":"text/html"},"as":"alice","from":"192.0.2.1"};
also body, scopes, groups and claims. Only url must be there.`,
    )
    .action(async (method: string | undefined, url: string | undefined, flags: ExplainFlags, self: Command) => {
      const misuse = findMisuse(method, url, flags);
      if (misuse !== undefined) throw new CommandFailure(misuse, EXIT.usage);
      const requests = flags.file === undefined ? [readOne(method!, url!, flags)] : await readFile(flags.file, flags);
      await withControlPlane(self, (client) => explain(client, requests, flags));
    });
}

function findMisuse(method: string | undefined, url: string | undefined, flags: ExplainFlags): string | undefined {
  if (flags.file !== undefined && method !== undefined) return 'give either METHOD and URL or --file';
  if (flags.file === undefined && url === undefined) return 'say what to ask: gatewayctl explain METHOD URL';
  if (flags.node !== undefined && flags.revision !== undefined) return 'give either --node or --revision';
  const ofOne = flags.header ?? flags.as ?? flags.scope ?? flags.group ?? flags.claim ?? flags.from ?? flags.data;
  if (flags.file !== undefined && ofOne !== undefined) return 'with --file, each line says what its request is like';
  return undefined;
}

function readOne(method: string, url: string, flags: ExplainFlags): ExplainedRequest {
  const { header = [], as, scope, group, claim, from, data, listener } = flags;
  const request = readRequest(
    {
      method,
      url,
      headers: header,
      ...(as !== undefined && { as }),
      ...(scope !== undefined && { scopes: scope }),
      ...(group !== undefined && { groups: group }),
      ...(claim !== undefined && { claims: claim }),
      ...(from !== undefined && { from }),
      ...(data !== undefined && { body: data }),
    },
    listener,
  );
  if (typeof request === 'string') throw new CommandFailure(`error: ${request}`, EXIT.usage);
  return request;
}

async function readFile(path: string, { listener }: ExplainFlags): Promise<ExplainedRequest[]> {
  return readRequestFile(await readText(path), path, listener);
}

async function explain(
  client: ControlPlaneClient,
  requests: readonly ExplainedRequest[],
  flags: ExplainFlags,
): Promise<void> {
  const { output } = flags;
  const { explainer, revision, options } = await load(client, flags);
  const before =
    flags.compare === undefined
      ? undefined
      : new Explainer((await readConfig(client, flags.compare)).resources, options);
  try {
    const [request] = requests;
    if (flags.file === undefined && request !== undefined && before === undefined) {
      const explanation = explainer.explain(request);
      if (output === 'json' || output === 'yaml') {
        printValue(output, { revision: Number(revision), ...explanationValue(explanation) });
      } else printExplanation(explanation, output === 'wide');
      return;
    }
    if (before === undefined) {
      printList(output, summarize(explainer, requests), SUMMARY_COLUMNS, (row) => row);
      return;
    }
    const rows = compareAll(explainer, before, requests);
    if (rows.length > 0 || output === 'json' || output === 'yaml') {
      printList(output, rows, COMPARISON_COLUMNS, (row) => row);
    } else process.stdout.write(`${sameText(requests.length, revision, flags.compare!)}\n`);
    if (rows.length > 0) process.exitCode = EXIT.differences;
  } catch (error) {
    // The listener or the consumer that was named.
    if (error instanceof RangeError) throw new CommandFailure(`error: ${error.message} at revision ${revision}`);
    throw error;
  }
}

function sameText(count: number, revision: bigint, other: bigint): string {
  return `revision ${other} decides ${count === 1 ? 'it' : `all ${count}`} as revision ${revision} does`;
}

async function load(
  client: ControlPlaneClient,
  flags: ExplainFlags,
): Promise<{ readonly explainer: Explainer; readonly revision: bigint; readonly options: ExplainerOptions }> {
  if (flags.node === undefined) {
    const { revision, resources } = await readConfig(client, flags.revision);
    return { explainer: new Explainer(resources), revision, options: {} };
  }
  const { node } = await client.fleet.getNode({ nodeId: flags.node });
  const { group, activeRevision, held } = node!;
  const { resources } = await readConfig(client, activeRevision);
  for (const { kind, name, reason } of held) {
    process.stderr.write(oneLine(`${flags.node} holds ${kind}/${name} at an older version: ${reason}`).concat('\n'));
  }
  const disbelief = disbeliefOf(node!);
  const options = { group, ...(disbelief !== undefined && { disbelief }) };
  return { explainer: new Explainer(resources, options), revision: activeRevision, options };
}

/** Why a node believes no credential, as far as the control plane can tell. Says when it will not, where that is still to come. */
function disbeliefOf(node: Node): string | undefined {
  const from = credentialsRefusedFrom(node);
  if (from === undefined) return undefined;
  if (timestampMs(from) <= Date.now()) return `${node.nodeId} is cut off for longer than its --max-staleness`;
  process.stderr.write(`${node.nodeId} is not connected, and believes no credential from ${formatTime(from)} on\n`);
  return undefined;
}

const SUMMARY_COLUMNS: readonly Column<SummaryRow>[] = [
  { title: 'requests', value: ({ requests }) => String(requests) },
  { title: 'route', value: ({ route }) => route ?? '-' },
  { title: 'status', value: ({ status }) => (status === undefined ? 'forwarded' : String(status)) },
  { title: 'code', value: ({ code }) => code ?? '' },
  { title: 'such as', value: ({ example }) => example },
];

const COMPARISON_COLUMNS: readonly Column<SummaryRow>[] = [
  ...SUMMARY_COLUMNS.slice(0, -1),
  { title: 'other revision', value: ({ before }) => before ?? '' },
  ...SUMMARY_COLUMNS.slice(-1),
];

/** `NAME=VALUE`. */
function readClaim(text: string, earlier: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('It is NAME=VALUE.');
  return { ...earlier, [text.slice(0, at)]: text.slice(at + 1) };
}
