import { isIP } from 'node:net';
import type { Rule } from './rule.ts';

/** A name that endpoints are found by is one that DNS can be asked for. */
export const checkDiscovery: Rule = ({ spec }, report) => {
  if (spec.case !== 'service' || spec.value.discovery?.source.case !== 'dns') return;
  const { name } = spec.value.discovery.source.value;
  const field = 'spec.discovery.dns.name';
  if (isIP(name) !== 0 || /^[\d.]+$/.test(name)) {
    report({ field, message: `${name} is no name that DNS knows`, remedy: 'list addresses under endpoints' });
  } else if (!isDnsName(name)) report({ field, message: `"${name}" is not a DNS name` });
};

/** Labels may begin with an underscore, as those of SRV records do (RFC 2782); a final dot changes nothing. */
function isDnsName(name: string): boolean {
  const labels = name.replace(/\.$/, '').split('.');
  return labels.every((label) => /^_?[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?$/.test(label) && label.length <= 63);
}
