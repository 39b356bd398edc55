import { toJson } from '@bufbuild/protobuf';
import { ValueSchema } from '@bufbuild/protobuf/wkt';
import type { DirectResponse } from '@sluice/proto';
import { headerLine } from './build-header-edits.ts';
import type { ResponsePlan } from './plan.ts';

/** An answer of the gateway's own, made once. Costs one write: nothing goes to a service. */
export function buildResponse({ status, headers, content }: DirectResponse): ResponsePlan {
  const hasType = Object.keys(headers).some((name) => name.toLowerCase() === 'content-type');
  const lines = Object.entries(headers).map(([name, value]) => headerLine(name, value));
  const { type, text } = contentOf(content);
  if (type !== undefined && !hasType) lines.push(headerLine('content-type', type));
  return { status, lines: lines.join(''), body: new TextEncoder().encode(text) };
}

function contentOf(content: DirectResponse['content']): { readonly type: string | undefined; readonly text: string } {
  switch (content.case) {
    case 'json':
      return { type: 'application/json', text: JSON.stringify(toJson(ValueSchema, content.value)) };
    case 'text':
      return { type: 'text/plain; charset=utf-8', text: content.value };
    case undefined:
      return { type: undefined, text: '' };
    default:
      return content satisfies never;
  }
}
