import { readFileSync } from 'node:fs';
import { type Duration, durationMs, timestampFromMs } from '@bufbuild/protobuf/wkt';
import { type Command, Option } from 'commander';
import { CommandFailure, EXIT } from '../exit.ts';
import { type OutputFormat, printValue } from '../output/print.ts';
import { formatTime } from '../output/time.ts';
import { withControlPlane, withOutput } from './command.ts';
import { collect, durationOption } from './flags.ts';
import { findIssuer, readTokenIdentity } from './token-identity.ts';

export function addTokens(program: Command): void {
  const tokens = program
    .command('tokens')
    .description('short-lived tokens that the gateway signs itself, and the end of tokens by their id');
  addIssue(tokens);
  addVerify(tokens);
  addRevoke(tokens);
  withOutput(
    tokens
      .command('rotate')
      .description('make a new key to sign with; tokens signed with the present one stay valid to their end'),
  ).action(async ({ output }: { output: OutputFormat }, command: Command) => {
    const { keyId, signsFrom } = await withControlPlane(command, (client) => client.tokens.rotateSigningKey({}));
    if (output === 'json' || output === 'yaml') printValue(output, { keyId, signsFrom: formatTime(signsFrom) });
    else process.stdout.write(`${keyId} signs from ${formatTime(signsFrom)} on\n`);
  });
}

function addIssue(tokens: Command): void {
  withOutput(tokens.command('issue').description('exchange an API key for a token; needs nothing but the key'))
    .addOption(new Option('--key <secret>', 'the API key; - reads it from standard input').env('SLUICE_API_KEY'))
    .option('--scope <name>', "only this of the consumer's scopes; may be given again", collect)
    .addOption(durationOption('--lifetime <duration>', 'shorter than the issuer allows', '1d'))
    .action(async ({ key, scope, lifetime, output }: IssueFlags, command: Command) => {
      const apiKey = key === '-' ? readFileSync(0, 'utf8').trim() : key;
      if (!apiKey) throw new CommandFailure('give the API key: --key, or SLUICE_API_KEY', EXIT.usage);
      const { token, tokenId, expiresAt, consumer, scopes } = await withControlPlane(command, (client) =>
        client.tokens.issueToken({ apiKey, scopes: [...(scope ?? [])], ...(lifetime && { lifetime }) }),
      );
      const about = { tokenId, consumer, scopes, expiresAt: formatTime(expiresAt) };
      if (output === 'json' || output === 'yaml') printValue(output, { token, ...about });
      else {
        process.stdout.write(`${token}\n`);
        process.stderr.write(`token ${tokenId} of ${consumer}, until ${about.expiresAt}\n`);
      }
    });
}

function addVerify(tokens: Command): void {
  withOutput(
    tokens
      .command('verify')
      .alias('validate')
      .description('whether nodes accept a token of the built-in issuer, and what it says')
      .argument('<token>', 'or - for standard input'),
  ).action(async (given: string, { output }: { output: OutputFormat }, command: Command) => {
    const token = readToken(given);
    const { valid, reason, claims } = await withControlPlane(command, (client) => client.tokens.verifyToken({ token }));
    const said = claims === '' ? undefined : (JSON.parse(claims) as object);
    if (output === 'json' || output === 'yaml') {
      printValue(output, { valid, ...(valid ? {} : { reason }), ...(said && { claims: said }) });
    } else process.stdout.write(`${valid ? 'valid' : `not valid: ${reason}`}\n${claims === '' ? '' : `${claims}\n`}`);
    if (!valid) process.exitCode = EXIT.failed;
  });
}

function addRevoke(tokens: Command): void {
  tokens
    .command('revoke')
    .description('end a token on every node, for good')
    .argument('<id>', 'the id of the token (its jti), or the whole token, or - for that on standard input')
    .option('--issuer <name>', 'the Issuer it is of; unset: that of the whole token, of an id the built-in one')
    .addOption(durationOption('--for <duration>', 'it has ended by itself after this', '365d'))
    .action(async (given: string, { issuer, for: lasts }: { issuer?: string; for?: Duration }, command: Command) => {
      const token = readTokenIdentity(readToken(given));
      const expiresMs = lasts === undefined ? token.endsMs : Date.now() + durationMs(lasts);
      await withControlPlane(command, async (client) =>
        client.tokens.revokeToken({
          issuer: issuer ?? (await findIssuer(client, token)),
          tokenId: token.tokenId,
          ...(expiresMs === undefined ? {} : { expiresAt: timestampFromMs(Math.round(expiresMs)) }),
        }),
      );
      process.stdout.write(`${token.tokenId} is revoked\n`);
    });
}

interface IssueFlags {
  readonly key?: string;
  readonly scope?: readonly string[];
  readonly lifetime?: Duration;
  readonly output: OutputFormat;
}

function readToken(given: string): string {
  return given === '-' ? readFileSync(0, 'utf8').trim() : given;
}
