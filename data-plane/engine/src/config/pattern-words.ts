/** A pattern of the .proto files in words that follow the name of what must match it. */
export function patternInWords(pattern: string): string {
  return WORDS.get(pattern) ?? `must match ${pattern}`;
}

const TOKEN = "A-Za-z0-9!#$%&'*+.^_`|~-";
const headerName = (min: number, max: number) => `^[${TOKEN}]{${min},${max}}$`;
const HEADER_NAME = `must be a header name: letters, digits and ${"!#$%&'*+.^_`|~-"}`;
const HEADER_VALUE = 'must be visible ASCII characters, with spaces and tabs only between them';
const METHOD = 'must be a method in capitals, such as GET';

/** Every pattern that the .proto files use; a test holds that. */
const WORDS: ReadonlyMap<string, string> = new Map([
  [
    '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$',
    'must be a DNS label: 1 to 63 of a-z, 0-9 and "-", beginning and ending with a letter or digit',
  ],
  [
    '^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)?$',
    'must be a DNS label: at most 63 of a-z, 0-9 and "-", beginning and ending with a letter or digit',
  ],
  [
    '^[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$',
    'must be 1 to 63 letters, digits, ".", "_", "/" and "-", beginning and ending with a letter or digit',
  ],
  ['^[A-Za-z0-9._/@+-]{0,63}$', 'must be at most 63 letters, digits and . _ / @ + -'],
  [headerName(1, 128), `${HEADER_NAME}, at most 128`],
  [headerName(1, 64), `${HEADER_NAME}, at most 64`],
  [headerName(0, 64), `${HEADER_NAME}, at most 64`],
  ['^[A-Za-z0-9-]{0,64}$', 'must be at most 64 letters, digits and "-"'],
  ['^[A-Za-z0-9_.~-]{1,64}$', 'must be 1 to 64 letters, digits and _ . ~ -'],
  ['^[A-Z][A-Z-]{0,31}$', METHOD],
  ['^([A-Z][A-Z-]{0,31})?$', METHOD],
  ['^([\\x21-\\x7e]([\\t\\x20-\\x7e]*[\\x21-\\x7e])?)?$', HEADER_VALUE],
  ['^[\\t\\x20-\\x7e]*$', 'must be visible ASCII characters, spaces and tabs'],
  [
    '^(\\[[0-9a-fA-F:.]+\\]|[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?):[0-9]{1,5}$',
    'must be HOST:PORT, an IPv6 address in brackets',
  ],
  [
    '^(connect-failure|reset|timeout|5xx|[45][0-9]{2})$',
    'must be connect-failure, reset, timeout, 5xx or a status of 400 to 599',
  ],
  [
    `^(consumer|apiKey|clientIp|route|service|global|header:[${TOKEN}]{1,64}|claim:[A-Za-z0-9_.:/-]{1,64})$`,
    'must be consumer, apiKey, clientIp, route, service, global, header:NAME or claim:NAME',
  ],
  [
    `^(consumer|clientIp|path|(header|cookie):[${TOKEN}]{1,64}|query:[A-Za-z0-9_.~-]{1,64})$`,
    'must be consumer, clientIp, path, header:NAME, cookie:NAME or query:NAME',
  ],
  [`^(consumer|clientIp|(header|cookie):[${TOKEN}]{1,64})$`, 'must be consumer, clientIp, header:NAME or cookie:NAME'],
  ['^[1-5][0-9]{2}(-[1-5][0-9]{2})?$', 'must be a status or a range of them, such as 200-299'],
  ['^sha256:[0-9a-f]{16}$', 'must be a fingerprint as export shows it, sha256: and 16 hexadecimal digits'],
]);
