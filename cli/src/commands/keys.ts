import { type Duration, durationMs, timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { ApiKey, RateLimitOverride } from '@sluice/proto';
import type { Command } from 'commander';
import { readPages } from '../client/read-pages.ts';
import { CommandFailure, EXIT } from '../exit.ts';
import { type OutputFormat, printList, printValue } from '../output/print.ts';
import type { Column } from '../output/table.ts';
import { formatTime } from '../output/time.ts';
import { withControlPlane, withOutput } from './command.ts';
import { durationOption, readTimeMs } from './flags.ts';
import { rateLimitsOf, readRateLimit } from './key-limits.ts';

export function addKeys(program: Command): void {
  const keys = program
    .command('keys')
    .description('API keys: they reach every node at once, and are no part of revisions');
  withOutput(keys.command('create').description('make a key and show its secret, this once').argument('[name]'))
    .requiredOption('--consumer <name>', 'whom it stands for')
    .addOption(durationOption('--expires-in <duration>', 'not accepted after this', '3650d'))
    .option('--expires-at <time>', 'not accepted from this time on, such as 2027-01-01T00:00:00Z', readTimeMs)
    .option(
      '--rate-limit <limit>',
      'replaces the algorithm of a limit for this key: { name: LIMIT, tokenBucket: { requests: 1000, per: 1m } }; may be given again',
      readRateLimit,
    )
    .action(
      async (
        name: string | undefined,
        { consumer, expiresIn, expiresAt, rateLimit, output }: CreateFlags,
        command: Command,
      ) => {
        if (expiresIn !== undefined && expiresAt !== undefined)
          throw new CommandFailure('give one of --expires-in and --expires-at', EXIT.usage);
        const expiresMs = expiresIn === undefined ? expiresAt : Date.now() + durationMs(expiresIn);
        const { key, secret } = await withControlPlane(command, (client) =>
          client.keys.createKey({
            name: name ?? '',
            consumer,
            ...(expiresMs === undefined ? {} : { expiresAt: timestampFromMs(Math.round(expiresMs)) }),
            ...(rateLimit === undefined ? {} : { rateLimits: [...rateLimit] }),
          }),
        );
        printSecret(key!, secret, output);
      },
    );

  withOutput(keys.command('list').description('keys, never their secrets'))
    .option('--consumer <name>', "only this consumer's", '')
    .action(async ({ consumer, output }: { consumer: string; output: OutputFormat }, command: Command) => {
      const all = await withControlPlane(command, (client) =>
        readPages(
          (pageToken) => client.keys.listKeys({ consumer, pageSize: 1000, pageToken }),
          (page) => page.keys,
        ),
      );
      printList(output, all, COLUMNS, keyValue);
    });

  keys
    .command('revoke')
    .description('end a key on every node, for good, and the tokens that were exchanged for it')
    .argument('<name>')
    .action(async (name: string, _flags: object, command: Command) => {
      const { tokensRemain } = await withControlPlane(command, (client) => client.keys.revokeKey({ name }));
      process.stdout.write(`${name} is revoked\n`);
      if (tokensRemain)
        process.stderr.write('too many tokens are revoked: those that were exchanged for it last to their own end\n');
    });

  withOutput(keys.command('rotate').description('give a key a new secret, and show it this once').argument('<name>'))
    .addOption(durationOption('--grace <duration>', 'how long the old secret is still accepted', '30d', '24h'))
    .action(async (name: string, { grace, output }: { grace: Duration; output: OutputFormat }, command: Command) => {
      const { key, secret } = await withControlPlane(command, (client) => client.keys.rotateKey({ name, grace }));
      printSecret(key!, secret, output);
    });
}

interface CreateFlags {
  readonly consumer: string;
  readonly expiresIn?: Duration;
  readonly expiresAt?: number;
  readonly rateLimit?: readonly RateLimitOverride[];
  readonly output: OutputFormat;
}

const COLUMNS: readonly Column<ApiKey>[] = [
  { title: 'name', value: ({ name }) => name },
  { title: 'consumer', value: ({ consumer }) => consumer },
  { title: 'prefix', value: ({ prefix }) => prefix },
  { title: 'created', value: ({ createdAt }) => formatTime(createdAt) },
  { title: 'expires', value: ({ expiresAt }) => formatTime(expiresAt) || 'never' },
  { title: 'old secret until', value: ({ previousExpiresAt }) => formatTime(previousExpiresAt) || '-', wide: true },
  { title: 'own limits', value: ({ rateLimits }) => rateLimits.map(({ name }) => name).join(', ') || '-', wide: true },
];

/** The secret alone on standard output, so that it can be piped; what is to be known about it beside. */
function printSecret(key: ApiKey, secret: string, output: OutputFormat): void {
  if (output === 'json' || output === 'yaml') {
    printValue(output, { ...keyValue(key), secret });
  } else {
    process.stdout.write(`${secret}\n`);
    process.stderr.write(`key ${key.name} of ${key.consumer}; its secret is shown this once\n`);
  }
}

function keyValue(key: ApiKey): Record<string, unknown> {
  const { name, consumer, prefix, enabled, createdAt, expiresAt, previousExpiresAt } = key;
  const rateLimits = rateLimitsOf(key);
  return {
    name,
    consumer,
    prefix,
    enabled,
    createdAt: formatTime(createdAt),
    ...(expiresAt === undefined ? {} : { expiresAt: formatTime(expiresAt) }),
    ...(previousExpiresAt === undefined ? {} : { previousExpiresAt: formatTime(previousExpiresAt) }),
    ...(rateLimits === undefined ? {} : { rateLimits }),
  };
}
