import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { isMissing } from '../harness/is-missing.ts';
import { type Node, startNode } from '../harness/node.ts';
import { root, startProcess } from '../harness/process.ts';
import { within } from '../harness/wait-for.ts';

const hasScript = spawnSync('script', ['--version'], { stdio: 'ignore' }).status === 0;
const program = join(root, 'cli', 'bin', 'gatewayctl.js');
const ESC = '\u001b[';

let plane: ControlPlane;
let node: Node;
beforeAll(async () => {
  plane = await startControlPlane();
  const services = ['p1', 'p2', 'p3'].map(
    (name) =>
      `kind: Service\nname: ${name}\nlabels: { app: shop }\nspec: { endpoints: [{ address: "127.0.0.1:9000" }] }\n`,
  );
  const route = `kind: Route\nname: a-route-with-quite-a-long-name\nspec:
  hosts: [one.example.com, two.example.com, three.example.com]
  match: [{ path: { prefix: /a/very/long/prefix/that/does/not/fit } }]
  service: p1\n`;
  await plane.apply([...services, route].join('---\n'));
  await writeFile(join(plane.home, 'p.yaml'), services.slice(0, 1).join('---\n'));
  node = await startNode({ controlPlane: plane.url });
});
afterAll(async () => {
  await node?.[Symbol.asyncDispose]();
  await plane?.[Symbol.asyncDispose]();
});

/** Runs gatewayctl in a terminal of so many columns, in which somebody types `input`. */
async function inTerminal(command: string, { columns = 80, input = '', env = {} } = {}) {
  await using running = await startProcess({
    name: command,
    program: 'script',
    args: [
      '-qec',
      `stty cols ${columns} -echo; ${command.replaceAll('gatewayctl', `${process.execPath} ${program}`)}`,
      '/dev/null',
    ],
    cwd: plane.home,
    // Where CI is set, Node takes no terminal for one with colours.
    env: { SLUICE_SERVER: plane.url, HOME: plane.home, TERM: 'xterm-256color', CI: undefined, ...env },
    input,
  });
  const { code } = await within(command, running.exited, 30_000);
  return { code, output: running.stdout().replaceAll('\r\n', '\n') };
}

describe.skipIf(isMissing('script (bsdutils)', !hasScript))('in a terminal', () => {
  test.each([20, 40, 80, 120])('of %i columns a table fits', async (columns) => {
    const { code, output } = await inTerminal('gatewayctl get routes; gatewayctl nodes', { columns });
    expect(code).toBe(0);
    const lines = stripVTControlCharacters(output).trimEnd().split('\n');
    expect(lines).toHaveLength(4);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
  });

  test('a wide table is as wide as it is', async () => {
    const { output } = await inTerminal('gatewayctl get routes -o wide', { columns: 40 });
    expect(output).toContain('one.example.com,two.example.com,three.example.com');
  });

  test('there are colours, unless NO_COLOR says no; json has none', async () => {
    const [colours, none, json] = await Promise.all([
      inTerminal('gatewayctl nodes'),
      inTerminal('gatewayctl nodes', { env: { NO_COLOR: '1' } }),
      inTerminal('gatewayctl nodes -o json'),
    ]);
    expect(colours.output).toContain(`${ESC}32mcurrent${ESC}39m`);
    expect(none.output).not.toContain('\u001b');
    expect(json.output).not.toContain('\u001b');
    expect(await plane.ctlOk(['nodes'], { env: { NO_COLOR: undefined } })).not.toContain('\u001b');
  });

  test('waiting shows how far it is, and leaves the result alone', async () => {
    node.pause();
    const late = await inTerminal(
      'gatewayctl apply -f p.yaml --wait --timeout 200ms -m again; gatewayctl rollback 1 --wait --timeout 200ms',
      {
        env: { NO_COLOR: '1' },
      },
    );
    node.resume();
    // Nothing was changed, so that the revision is active already.
    expect(late.output).toContain('active on 1 node after');
    await writeFile(join(plane.home, 'q.yaml'), 'kind: Consumer\nname: q\nspec: {}\n');
    node.pause();
    const waited = await inTerminal('gatewayctl apply -f q.yaml --wait --timeout 300ms');
    node.resume();
    expect(waited.code).toBe(1);
    expect(waited.output).toContain(`\rwaiting: active on 0 of 1 node \r${ESC}K`);
    expect(waited.output).toMatch(/revision 2 is active on 0 of 1 node after 300ms; not on:\n {2}n1: at revision 1/);
  });

  test('prune shows what it would delete and asks, also where the manifests come from standard input', async () => {
    const prune = 'gatewayctl apply -f p.yaml --prune --label app=shop';
    const plain = { env: { NO_COLOR: '1' } };
    const shown = '- deleted Service/p2\n- deleted Service/p3\ndelete these 2? [y/N] ';
    const [no, nothing] = await Promise.all([
      inTerminal(prune, { ...plain, input: 'n\n' }),
      inTerminal(prune, { ...plain, input: '\u0004' }),
    ]);
    for (const { code, output } of [no, nothing]) {
      expect(code).toBe(1);
      expect(stripVTControlCharacters(output)).toContain(shown);
      expect(output).toMatch(/nothing was changed\n$/);
    }
    const piped = await inTerminal(`cat p.yaml | ${prune.replace('p.yaml', '-')}`, { ...plain, input: 'no\n' });
    expect(stripVTControlCharacters(piped.output)).toContain(shown);
    expect(piped.code).toBe(1);
    expect(await plane.ctlOk(['get', 'services', '-l', 'app=shop', '-o', 'json'])).toMatch(/p3/);

    const yes = await inTerminal(prune, { ...plain, input: 'y\n' });
    expect(yes.code).toBe(0);
    expect(yes.output).toMatch(/revision 3: 2 deleted\n$/);
    // Nothing to delete is nothing to ask.
    expect((await inTerminal(prune, plain)).output).toBe('nothing to change; the revision is 3\n');
  });
});
