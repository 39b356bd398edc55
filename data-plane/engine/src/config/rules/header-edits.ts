import type { HeaderEdits } from '@sluice/proto';
import { formatMapKey } from '../field-path.ts';
import type { Report } from '../problem.ts';
import { isFramingHeader, isHandshakeHeader, isOwnAnswerHeader } from './reserved-headers.ts';
import type { Rule } from './rule.ts';

/** Framing and hop-by-hop headers are not edited, and each edit names a header once. */
export const checkHeaderEdits: Rule = ({ spec }, report) => {
  if (spec.case !== 'policy' && spec.case !== 'route') return;
  const { requestHeaders, responseHeaders } = spec.value;
  if (requestHeaders !== undefined) checkEdits(requestHeaders, 'spec.requestHeaders', true, report);
  if (responseHeaders !== undefined) checkEdits(responseHeaders, 'spec.responseHeaders', false, report);
};

function checkEdits(edits: HeaderEdits, field: string, isRequest: boolean, report: Report): void {
  if (Object.keys(edits.set).length + Object.keys(edits.add).length + edits.remove.length === 0) {
    report({ field, message: 'edits nothing', remedy: 'give set, add or remove' });
  }
  for (const edit of ['set', 'add'] as const) {
    const seen = new Set<string>();
    for (const name of Object.keys(edits[edit])) {
      const at = `${field}.${edit}${formatMapKey(name)}`;
      checkName(name, at, isRequest, report);
      if (seen.has(name.toLowerCase())) report({ field: at, message: `${name} is there twice; case does not matter` });
      seen.add(name.toLowerCase());
    }
  }
  edits.remove.forEach((name, i) => {
    checkName(name, `${field}.remove[${i}]`, isRequest, report);
  });
}

function checkName(name: string, field: string, isRequest: boolean, report: Report): void {
  if (isFramingHeader(name)) {
    report({ field, message: `${name} cannot be edited: it frames the message or holds for one connection` });
  } else if (isHandshakeHeader(name)) {
    report({ field, message: `${name} cannot be edited: a WebSocket handshake is checked by it` });
  } else if (!isRequest && isOwnAnswerHeader(name)) {
    report({ field, message: `${name} cannot be edited: the gateway says with it which request it answers` });
  } else if (isRequest && name.toLowerCase() === 'host') {
    report({ field, message: 'host cannot be edited here', remedy: 'use rewrite.host' });
  }
}
