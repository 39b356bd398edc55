import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { Finding } from '../problem.ts';

/** Why a text is no network: an IP address, or one and the length of its prefix. Undefined where it is one. */
export function checkNetwork(text: string): string | undefined {
  const slash = text.indexOf('/');
  const address = slash === -1 ? text : text.slice(0, slash);
  const version = isIP(address);
  if (version === 0) return `"${text}" is not a network; write it like 10.0.0.0/8 or fd00::/8`;
  if (slash === -1) return undefined;
  const length = text.slice(slash + 1);
  const longest = version === 4 ? 32 : 128;
  if (/^\d{1,3}$/.test(length) && Number(length) <= longest) return undefined;
  return `"${text}" must end in a prefix length of 0 to ${longest}`;
}

/** What is wrong with one network of a list: an error where it is none, a warning where it is not written as what it is. */
export function networkFinding(text: string, field: string): Finding | undefined {
  const message = checkNetwork(text);
  if (message !== undefined) return { field, message };
  const network = text.includes('/') ? wholeNetwork(text) : undefined;
  if (network === undefined) return undefined;
  return {
    severity: 'warning',
    field,
    message: `"${text}" has bits beyond its prefix, and is all of ${network}`,
    remedy: `write ${network}, or ${text.slice(0, text.indexOf('/'))} for the one address`,
  };
}

/** The network as it is written where the address has bits that are not of it. */
function wholeNetwork(text: string): string | undefined {
  const [address, length] = ipaddr.parseCIDR(text);
  const family = address.kind() === 'ipv4' ? ipaddr.IPv4 : ipaddr.IPv6;
  const network = family.networkAddressFromCIDR(`${address.toString()}/${length}`);
  return network.toNormalizedString() === address.toNormalizedString() ? undefined : `${network.toString()}/${length}`;
}
