import { readFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { parseSync, Visitor } from 'oxc-parser';
import { listTree } from '../harness/copy-tree.ts';

/** One arrow: a static, type-only or dynamic import, or a re-export. */
export type Import = {
  readonly from: string;
  readonly specifier: string;
  /** Path of a file of the project, relative to its top, or the specifier itself for packages and built-in modules. */
  readonly to: string;
  /** What a static import takes by name; `*` for a namespace, a default, a re-export or a dynamic import. */
  readonly names: readonly string[];
};

export type Module = {
  /** Relative to the project's top, with forward slashes. */
  readonly path: string;
  readonly imports: readonly Import[];
  /** Reads of the clock, of randomness, and of I/O that needs no import: `Date.now`, `setTimeout`, `process`... */
  readonly ambient: readonly string[];
};

export const root = join(import.meta.dirname, '..', '..');

/** Parses every TypeScript and JavaScript file of the project but the generated ones. Throws where one does not parse. */
export async function readModules(): Promise<Module[]> {
  const paths = (await listTree(root)).filter((path) => /\.[jt]sx?$/.test(path) && !path.includes('/gen/'));
  return Promise.all(paths.map(async (path) => parseModule(path, await readFile(join(root, path), 'utf8'))));
}

/** Parses one file's text. `path` decides how relative specifiers resolve and whether types are allowed. */
export function parseModule(path: string, text: string): Module {
  const { module, program, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]?.message}`);
  const found = new Map<string, Set<string>>();
  const add = (specifier: string | undefined, name: string) => {
    if (specifier === undefined) return;
    const names = found.get(specifier) ?? new Set();
    found.set(specifier, names.add(name));
  };
  for (const { moduleRequest, entries } of module.staticImports) {
    if (entries.length === 0) add(moduleRequest.value, '*');
    for (const { importName } of entries) add(moduleRequest.value, importName.kind === 'Name' ? importName.name! : '*');
  }
  for (const { entries } of module.staticExports) {
    for (const { moduleRequest } of entries) add(moduleRequest?.value, '*');
  }
  const ambient = new Set<string>();
  new Visitor({
    ImportExpression: (node) => {
      if (node.source.type === 'Literal') add(String(node.source.value), '*');
    },
    TSImportType: (node) => add(String(node.source.value), '*'),
    MemberExpression: (node) => {
      if (node.object.type !== 'Identifier' || node.property.type !== 'Identifier' || node.computed) return;
      const name = `${node.object.name}.${node.property.name}`;
      if (/^(Math\.random|Date\.now|performance\.now|process\.\w+|globalThis\.\w+)$/.test(name)) ambient.add(name);
    },
    NewExpression: (node) => {
      const isDate = node.callee.type === 'Identifier' && node.callee.name === 'Date';
      if (isDate && node.arguments.length === 0) ambient.add('new Date()');
    },
    CallExpression: (node) => {
      if (node.callee.type !== 'Identifier') return;
      if (/^(fetch|setTimeout|setInterval|setImmediate|queueMicrotask)$/.test(node.callee.name)) {
        ambient.add(node.callee.name);
      }
    },
  }).visit(program);
  const imports = [...found].map(([specifier, names]) => ({
    from: path,
    specifier,
    to: resolve(path, specifier),
    names: [...names],
  }));
  return { path, imports, ambient: [...ambient] };
}

function resolve(from: string, specifier: string): string {
  return specifier.startsWith('.') ? normalize(join(dirname(from), specifier)).replaceAll('\\', '/') : specifier;
}
