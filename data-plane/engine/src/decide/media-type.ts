/** `type/subtype` of a Content-Type in lower case and its charset, undefined where it has none. Undefined: it is no media type. */
export function parseMediaType(
  contentType: string,
): { readonly type: string; readonly charset: string | undefined } | undefined {
  if (contentType.length > MAX_CHARS) return undefined;
  const match = MEDIA_TYPE.exec(contentType);
  if (match === null) return undefined;
  let charset: string | undefined;
  for (const [, name = '', token, quoted] of (match[2] as string).matchAll(PARAMETER)) {
    if (name.toLowerCase() !== 'charset') continue;
    // Readers disagree on which of two counts.
    if (charset !== undefined) return undefined;
    charset = (token ?? quoted ?? '').toLowerCase();
  }
  return { type: (match[1] as string).toLowerCase(), charset };
}

/** Whether a type is JSON by its name (RFC 8259, RFC 6839 3.1). `type` in lower case. */
export function isJsonType(type: string): boolean {
  return type === 'application/json' || type.endsWith('+json');
}

const MAX_CHARS = 512;
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const VALUE = `(${TOKEN})|"([^"\\\\]*)"`;
/** RFC 9110 8.3.1. A quoted pair is in no charset's name, so it is not read. */
const MEDIA_TYPE = new RegExp(`^(${TOKEN}/${TOKEN})((?:[ \\t]*;[ \\t]*(?:${TOKEN}=(?:${VALUE}))?)*)[ \\t]*$`);
const PARAMETER = new RegExp(`(${TOKEN})=(?:${VALUE})`, 'g');
