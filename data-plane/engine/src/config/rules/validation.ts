import { isJsonType } from '../../decide/media-type.ts';
import { schemaProblem } from '../../tables/compile-schema.ts';
import type { Rule } from './rule.ts';

const MAX_BODY_BYTES = 16 * 1024 * 1024;
const MEDIA_RANGE = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+\/(?:\*|[!#$%&'+.^_`|~0-9A-Za-z-]+)$/;

/** A schema compiles and is asked about JSON alone, content types are types, and something is asked for. */
export const checkValidation: Rule = ({ spec }, report) => {
  if (spec.case !== 'policy' && spec.case !== 'route') return;
  const { validation } = spec.value;
  if (validation === undefined) return;
  const { requestSchema, contentTypes, maxBytes } = validation;
  if (requestSchema === undefined && contentTypes.length === 0) {
    report({ field: 'spec.validation', message: 'asks for nothing', remedy: 'give requestSchema or contentTypes' });
  }
  if (requestSchema?.source.case === 'inline') {
    const message = schemaProblem(requestSchema.source.value);
    if (message !== undefined) report({ field: 'spec.validation.requestSchema', message });
  }
  contentTypes.forEach((type, i) => {
    const field = `spec.validation.contentTypes[${i}]`;
    if (!MEDIA_RANGE.test(type) || type.startsWith('*')) {
      report({ field, message: `"${type}" is no content type; write type/subtype or type/*, without parameters` });
    } else if (requestSchema !== undefined && !isJsonType(type.toLowerCase())) {
      report({ field, message: `bodies of ${type} cannot be held against a JSON Schema`, remedy: 'accept JSON alone' });
    }
  });
  if (maxBytes === undefined) return;
  const field = 'spec.validation.maxBytes';
  if (requestSchema === undefined) {
    const remedy = 'give one, or use bodyBytes of the route';
    report({ field: 'spec.validation.requestSchema', message: 'is missing, and maxBytes is of it', remedy });
  } else if (maxBytes.bytes < 1 || maxBytes.bytes > MAX_BODY_BYTES) {
    report({ field, message: 'must be 1B to 16MiB' });
  }
};
