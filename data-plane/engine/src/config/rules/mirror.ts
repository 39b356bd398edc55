import type { Rule } from './rule.ts';

/** Copies go to another service than the requests themselves, and there are requests to copy. */
export const checkMirror: Rule = ({ spec }, report) => {
  if (spec.case !== 'route' || spec.value.mirror === undefined) return;
  const { mirror, service, destinations, redirect, respond } = spec.value;
  if (redirect !== undefined || respond !== undefined) {
    report({ field: 'spec.mirror', message: 'has no effect where no request goes to a service', remedy: 'remove it' });
  }
  if (mirror.service === service || destinations.some((destination) => destination.service === mirror.service)) {
    const message = `${mirror.service} gets the requests themselves: copies would take their connections`;
    report({ field: 'spec.mirror.service', message, remedy: 'copy to a service of its own' });
  }
};
