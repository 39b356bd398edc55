import { hidden, message, type SmugglingCase } from './case.ts';

/** Requests behind one another: as many as there are, and not one more. */
export function pipelineCases(): SmugglingCase[] {
  const second = `GET /c/00000/2 HTTP/1.1\r\nHost: h\r\nX-Case: 00000\r\n\r\n`;
  const body = (kind: string): [string[], string] =>
    kind === 'length'
      ? [['Content-Length: 5'], 'hello']
      : kind === 'chunked'
        ? [['Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n']
        : [[], ''];
  const cases: SmugglingCase[] = [];
  for (const kind of ['none', 'length', 'chunked']) {
    const [lines, text] = body(kind);
    for (const method of ['GET', 'POST', 'HEAD', 'OPTIONS', 'DELETE']) {
      cases.push({
        name: `a second request behind ${method}, body ${kind}`,
        bytes: message(lines, text + second, { method }),
        most: 2,
        verdict: 'forwarded',
      });
      cases.push({
        name: `one behind an empty line behind ${method}, body ${kind}`,
        bytes: message(lines, `${text}\r\n${second}`, { method }),
        most: 2,
        verdict: 'forwarded',
      });
      cases.push({
        name: `one behind Connection: close of ${method}, body ${kind}`,
        bytes: message([...lines, 'Connection: close'], text + hidden, { method }),
        most: 1,
        verdict: 'forwarded',
      });
      cases.push({
        name: `one behind HTTP/1.0 ${method}, body ${kind}`,
        bytes: message(
          lines.filter((line) => !line.startsWith('T')),
          `${kind === 'length' ? text : ''}${hidden}`,
          { method, version: '1.0' },
        ),
        most: 1,
        verdict: 'forwarded',
      });
    }
  }
  return cases;
}
