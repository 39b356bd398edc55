import { isIP } from 'node:net';

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
