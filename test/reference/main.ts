/** `npm run docs`: writes docs/reference from the source. With `--check` it says (exit 1) which pages are not what the source says. */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { commandsPage } from './commands.ts';
import { configurationPage } from './configuration.ts';
import { metricsPage } from './metrics.ts';
import { policiesPage } from './policies.ts';
import { problemsPage } from './problems.ts';
import { settingsPage } from './settings.ts';

const folder = join(import.meta.dirname, '..', '..', 'docs', 'reference');
const pages: Readonly<Record<string, string>> = {
  'configuration.md': configurationPage(),
  'gatewayctl.md': commandsPage(),
  'metrics.md': await metricsPage(),
  'policies.md': policiesPage(),
  'problems.md': problemsPage(),
  'settings.md': settingsPage(),
};

const present = await readdir(folder).catch(() => []);
const obsolete = present.filter((name) => !(name in pages));
if (process.argv.includes('--check')) {
  const differing = obsolete;
  for (const [name, text] of Object.entries(pages)) {
    if ((await readFile(join(folder, name), 'utf8').catch(() => '')) !== text) differing.push(name);
  }
  if (differing.length > 0) {
    process.stderr.write(`docs/reference is not what the source says; run: npm run docs\n${differing.join('\n')}\n`);
    process.exitCode = 1;
  }
} else {
  await mkdir(folder, { recursive: true });
  for (const name of obsolete) await rm(join(folder, name));
  for (const [name, text] of Object.entries(pages)) await writeFile(join(folder, name), text);
}
