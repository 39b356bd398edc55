import type { ExplainedRequest } from '@sluice/engine';
import { CommandFailure } from '../exit.ts';
import { type RequestWords, readRequest } from './read-request.ts';

/** Requests in one file; a longer one is refused. */
const MAX_REQUESTS = 100_000;

/**
 * Reads requests, one JSON object a line: `{"method":"GET","url":"http://a.example/x","headers":{"accept":"text/html"},"as":"alice"}`.
 * Only `url` must be there; the method is GET. Empty lines are passed over.
 *
 * @throws CommandFailure with the line of everything that is wrong
 */
export function readRequestFile(text: string, path: string, listener: string): ExplainedRequest[] {
  const requests: ExplainedRequest[] = [];
  const problems: string[] = [];
  text.split('\n').forEach((line, index) => {
    if (line.trim() === '') return;
    const words = readWords(line);
    const request = typeof words === 'string' ? words : readRequest(words, listener);
    if (typeof request === 'string') problems.push(`error: ${path}:${index + 1}: ${request}`);
    else requests.push(request);
  });
  if (problems.length > MAX_PROBLEMS) {
    const more = problems.splice(MAX_PROBLEMS).length;
    problems.push(`error: and ${more} more`);
  }
  if (problems.length > 0) throw new CommandFailure(problems.join('\n'));
  if (requests.length === 0) throw new CommandFailure(`error: ${path} holds no request`);
  if (requests.length > MAX_REQUESTS)
    throw new CommandFailure(`error: ${path} holds ${requests.length} requests; at most ${MAX_REQUESTS} are decided`);
  return requests;
}

const MAX_PROBLEMS = 20;

function readWords(line: string): RequestWords | string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return 'it is no JSON';
  }
  if (!isObject(value)) return 'it is no JSON object';
  for (const [name, member] of Object.entries(value)) {
    const fits = MEMBERS.get(name);
    if (fits === undefined) return `"${name}" is not known; there are ${[...MEMBERS.keys()].join(', ')}`;
    if (!fits(member)) return `"${name}" has a value of the wrong type`;
  }
  const { method = 'GET', headers = {}, url, ...rest } = value as Partial<WrittenRequest>;
  if (url === undefined) return '"url" is missing';
  return { method, url, headers: Object.entries(headers).map(([name, text]) => `${name}: ${text}`), ...rest };
}

/** A line, once MEMBERS fit. */
interface WrittenRequest extends Omit<RequestWords, 'headers'> {
  readonly headers: Readonly<Record<string, string>>;
}

const isText = (value: unknown): boolean => typeof value === 'string';
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const areTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText);

const MEMBERS: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ['method', isText],
  ['url', isText],
  ['headers', (value: unknown) => isObject(value) && Object.values(value).every(isText)],
  ['as', isText],
  ['scopes', areTexts],
  ['groups', areTexts],
  ['claims', isObject],
  ['from', isText],
  ['body', isText],
]);
