import { isJsonType, parseMediaType } from '@sluice/engine';
import { type FieldList, HeaderId, joinedFieldValue } from '../../http1/index.ts';

/** Whether a message says that its body is JSON. */
export function isJson(head: FieldList): boolean {
  const contentType = joinedFieldValue(head, HeaderId.contentType);
  const parsed = contentType === undefined ? undefined : parseMediaType(contentType);
  return parsed !== undefined && isJsonType(parsed.type);
}
