import type { Rule } from './rule.ts';

/** A route that admits WebSockets takes their handshakes, which are GET requests, and has a service to hand them to. */
export const checkWebSocket: Rule = ({ spec }, report) => {
  if (spec.case !== 'route' || !spec.value.webSocket) return;
  const { match, redirect, respond } = spec.value;
  const field = 'spec.webSocket';
  if (redirect !== undefined || respond !== undefined) {
    report({ field, message: 'has no effect: the gateway answers itself', remedy: 'remove it' });
  }
  if (match.length > 0 && match.every(({ methods }) => methods.length > 0 && !methods.includes('GET'))) {
    report({
      field,
      message: 'has no effect: a WebSocket begins with GET, which no match takes',
      remedy: 'add GET to methods',
    });
  }
};
