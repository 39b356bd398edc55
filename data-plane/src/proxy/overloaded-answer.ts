import { problemBody, problemKinds, proxyStatusLine } from './problem.ts';

/**
 * The answer to a request that the worker has no time to look at: always the same but for its date, without names of its own, so
 * that giving it costs next to nothing.
 */
export function overloadedAnswer(method: string, keepAlive: boolean, dateLine: string): string {
  return `${HEAD}${dateLine}${keepAlive ? '\r\n' : 'connection: close\r\n\r\n'}${method === 'HEAD' ? '' : BODY}`;
}

const BODY = problemBody('overloaded', problemKinds.overloaded.status, problemKinds.overloaded.detail, '');
const HEAD =
  `HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\ncontent-length: ${BODY.length}\r\n` +
  `retry-after: 1\r\n${proxyStatusLine('overloaded')}`;
