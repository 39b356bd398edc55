#!/usr/bin/env node
import module from 'node:module';
import { join } from 'node:path';

if (Number(process.versions.node.split('.')[0]) < 26) {
  process.stderr.write(
    `sluice-control-plane needs Node.js 26 or newer, and this is ${process.version}. Run it as: npx sluice-control-plane\n`,
  );
  process.exit(1);
}
// Beside the packages, where nobody else may write; where this process may not either, it starts a little slower.
module.enableCompileCache(join(import.meta.dirname, '../../node_modules/.cache/sluice'));
await import('../src/main.ts');
