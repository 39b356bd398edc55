import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../harness/process.ts';
import { readResults } from '../results.ts';
import { renderPage } from './page.ts';
import { drawBounds, drawCpu } from './pictures.ts';

const docs = join(root, 'docs');

/** The page's files, by path, as they should be for docs/performance.json. */
export function renderFiles(): Readonly<Record<string, string>> {
  const source = join(docs, 'performance.json');
  const results = readResults(source);
  if (results === undefined) throw new Error(`${source} is not there: npm run bench -- --json docs/performance.json`);
  const page = join(docs, 'performance.md');
  return {
    [page]: renderPage(results, readText(page)),
    [join(docs, 'performance-bounds.svg')]: drawBounds(results),
    [join(docs, 'performance-cpu.svg')]: drawCpu(results),
  };
}

/** A file's text, empty where it is not there. */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
