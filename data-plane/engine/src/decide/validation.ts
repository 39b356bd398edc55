import { isJsonType, parseMediaType } from './media-type.ts';

/**
 * What a request must look like. Costs one look at the Content-Type, whose parts are read; with a schema the body is held, read once for
 * its shape, parsed and checked: about 10 us for each KiB. In dry run the same, on a copy of a body that does not come with its head.
 */
export interface ValidationPlan {
  /** In lower case, `type/subtype` or `type/*`. Undefined: any. */
  readonly contentTypes: readonly string[] | undefined;
  /** Says what is wrong with a body's value. Undefined: bodies are not looked at. */
  readonly schema: ((value: unknown) => string | undefined) | undefined;
  /** The largest body that the schema is asked about. */
  readonly maxBytes: number;
}

/** Methods whose content says what is to be done: without any, nothing is left that a schema could allow. */
const WITH_CONTENT: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);
const UTF8: ReadonlySet<string> = new Set(['utf-8', 'utf8', 'us-ascii']);

/** Why a request without a body is refused; undefined: it is not. */
export function missingBodyRefusal(plan: ValidationPlan, method: string): string | undefined {
  return plan.schema !== undefined && WITH_CONTENT.has(method) ? 'A body is required.' : undefined;
}

/** Why the content type of a request with a body is refused; undefined: it is not. `contentType`: all its values joined. */
export function contentTypeRefusal(plan: ValidationPlan, contentType: string | undefined): string | undefined {
  const { contentTypes, schema } = plan;
  if (contentTypes === undefined && schema === undefined) return undefined;
  if (contentType === undefined) return 'A Content-Type is required.';
  const parsed = parseMediaType(contentType);
  if (parsed === undefined) return 'The Content-Type is malformed.';
  const { type, charset } = parsed;
  const isAccepted = contentTypes === undefined ? isJsonType(type) : contentTypes.some((each) => accepts(each, type));
  if (!isAccepted) return `The content type ${type} is not accepted here.`;
  if (schema !== undefined && charset !== undefined && !UTF8.has(charset)) return 'The body must be in UTF-8.';
  return undefined;
}

function accepts(accepted: string, type: string): boolean {
  return accepted.endsWith('/*') ? type.startsWith(accepted.slice(0, -1)) : type === accepted;
}
