import { describe, expect, test } from 'vitest';
import { parseModule, readModules } from './modules.ts';

/** Every package, its directory, and the packages it may import. The first directory that matches a path owns it. */
const packages = [
  { name: '@sluice/proto', directory: 'proto/', mayImport: [] },
  { name: '@sluice/engine', directory: 'data-plane/engine/', mayImport: ['@sluice/proto'] },
  { name: '@sluice/data-plane', directory: 'data-plane/', mayImport: ['@sluice/proto', '@sluice/engine'] },
  { name: '@sluice/control-plane', directory: 'control-plane/', mayImport: ['@sluice/proto', '@sluice/engine'] },
  { name: 'gatewayctl', directory: 'cli/', mayImport: ['@sluice/proto', '@sluice/engine'] },
];

/** Folders of the node that must stay usable alone: each with the folders beside it that it may import. */
const folders = [
  { folder: 'data-plane/src/http1/', mayImport: [] },
  { folder: 'data-plane/src/shared/', mayImport: [] },
  { folder: 'data-plane/src/websocket/', mayImport: [] },
  {
    folder: 'data-plane/src/proxy/',
    mayImport: ['data-plane/src/http1/', 'data-plane/src/shared/', 'data-plane/src/websocket/'],
  },
];

const modules = await readModules();
const imports = modules.flatMap((module) => module.imports);

function packageOf(path: string): string | undefined {
  const byName = packages.find(({ name }) => path === name || path.startsWith(`${name}/`));
  return (byName ?? packages.find(({ directory }) => path.startsWith(directory)))?.name;
}

describe('imports', () => {
  test('are found: static, re-exported, type-only, dynamic', () => {
    const text = `
      import { a } from './a.ts';
      import type { B } from '../b.ts';
      export { c } from 'c';
      type D = import('node:fs').Stats;
      const e = await import('@sluice/proto');
      setTimeout(() => Date.now(), Math.random());`;
    const module = parseModule('cli/src/x.ts', text);
    expect(module.imports.map(({ to }) => to).sort()).toEqual([
      '@sluice/proto',
      'c',
      'cli/b.ts',
      'cli/src/a.ts',
      'node:fs',
    ]);
    expect([...module.ambient].sort()).toEqual(['Date.now', 'Math.random', 'setTimeout']);
  });

  test('are read from the whole project', () => {
    expect(modules.length).toBeGreaterThan(50);
    expect(imports.length).toBeGreaterThan(100);
    const owners = new Set(modules.map(({ path }) => packageOf(path)));
    for (const { name } of packages) expect(owners).toContain(name);
  });

  test('between packages follow the data: proto, engine, planes and CLI', () => {
    const wrong = imports.filter(({ from, to }) => {
      const [owner, target] = [packageOf(from), packageOf(to)];
      if (owner === undefined || target === undefined || owner === target) return false;
      return !packages.find(({ name }) => name === owner)?.mayImport.some((allowed) => allowed === target);
    });
    expect(wrong).toEqual([]);
  });

  test('between packages go by the package name, never by a path into its insides', () => {
    const wrong = imports.filter(({ from, to, specifier }) => {
      const owner = packageOf(from);
      return owner !== undefined && specifier.startsWith('.') && packageOf(to) !== owner;
    });
    expect(wrong).toEqual([]);
  });

  test('never lead to a main.ts or into test/ from outside it', () => {
    const wrong = imports.filter(
      ({ from, to }) => /(^|\/)main\.ts$/.test(to) && !/^(cli|data-plane|control-plane)\/bin\//.test(from),
    );
    const toTests = imports.filter(({ from, to }) => to.startsWith('test/') && !from.startsWith('test/'));
    expect([...wrong, ...toTests]).toEqual([]);
  });

  test.each(folders)('of $folder stay inside what it may use', ({ folder, mayImport }) => {
    const own = imports.filter(({ from }) => from.startsWith(folder) && !isTest(from));
    expect(own.length).toBeGreaterThan(0);
    const wrong = own.filter(
      ({ to }) =>
        to.startsWith('data-plane/src/') &&
        !to.startsWith(folder) &&
        !mayImport.some((allowed) => to.startsWith(allowed)),
    );
    expect(wrong).toEqual([]);
  });
});

describe('the engine', () => {
  const engine = modules.filter(({ path }) => path.startsWith('data-plane/engine/src/') && !isTest(path));

  /** Constants of the built-in modules, and functions whose answer follows from their arguments alone. */
  const pure = new Map([
    ['node:buffer', ['isUtf8']],
    [
      'node:crypto',
      [
        'constants',
        'createHash',
        'createHmac',
        'createPublicKey',
        'createSecretKey',
        'hash',
        'KeyObject',
        'timingSafeEqual',
        'verify',
      ],
    ],
    // For a library that programs without any JSON Schema start without (docs/adr/0011-json-schema.md).
    ['node:module', ['createRequire']],
    ['node:net', ['isIP', 'isIPv4', 'isIPv6']],
  ]);

  test('does no I/O: of the built-in modules it takes only pure functions', () => {
    expect(engine.length).toBeGreaterThan(10);
    const builtIn = engine.flatMap((module) => module.imports).filter(({ specifier }) => specifier.startsWith('node:'));
    expect(builtIn.length).toBeGreaterThan(0);
    const wrong = builtIn.filter(({ specifier, names }) => !names.every((name) => pure.get(specifier)?.includes(name)));
    expect(wrong).toEqual([]);
  });

  test('reads no clock, no randomness and no timer of its own', () => {
    expect(engine.filter(({ ambient }) => ambient.length > 0).map(({ path, ambient }) => ({ path, ambient }))).toEqual(
      [],
    );
  });
});

function isTest(path: string): boolean {
  return /\.(test|bench)\.ts$/.test(path);
}
