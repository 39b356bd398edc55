import { toJson } from '@bufbuild/protobuf';
import { ValueSchema } from '@bufbuild/protobuf/wkt';
import type { BodyEdits, Route } from '@sluice/proto';
import { paramsIn } from '../../tables/build-body-edits.ts';
import { formatMapKey } from '../field-path.ts';
import type { Report } from '../problem.ts';
import { reportUnknownParams } from './rewrite.ts';
import type { Rule } from './rule.ts';

const MAX_BODY_BYTES = 16 * 1024 * 1024;

/** Edits of bodies change something, one thing for each member, of bodies that go to a service or come from one. */
export const checkBodyEdits: Rule = ({ spec }, report) => {
  if (spec.case !== 'route') return;
  const { requestBody, responseBody } = spec.value;
  if (requestBody !== undefined) checkEdits(spec.value, requestBody, 'spec.requestBody', report);
  if (responseBody !== undefined) checkEdits(spec.value, responseBody, 'spec.responseBody', report);
};

function checkEdits(route: Route, edits: BodyEdits, field: string, report: Report): void {
  const { rename, set, remove, maxBytes } = edits;
  if (route.redirect !== undefined || route.respond !== undefined) {
    report({ field, message: 'has no effect where no request goes to a service', remedy: 'remove it' });
  }
  if (Object.keys(rename).length + Object.keys(set).length + remove.length === 0) {
    report({ field, message: 'edits nothing', remedy: 'give rename, set or remove' });
  }
  checkRenames(edits, field, report);
  for (const [name, value] of Object.entries(set)) {
    const at = `${field}.set${formatMapKey(name)}`;
    checkName(name, at, report);
    if (remove.includes(name)) report({ field: at, message: `${name} is removed as well`, remedy: 'set it alone' });
    reportUnknownParams(route, paramsIn(toJson(ValueSchema, value)), at, report);
  }
  remove.forEach((name, i) => {
    checkName(name, `${field}.remove[${i}]`, report);
  });
  if (maxBytes !== undefined && (maxBytes.bytes < 1 || maxBytes.bytes > MAX_BODY_BYTES)) {
    report({ field: `${field}.maxBytes`, message: 'must be 1B to 16MiB' });
  }
}

function checkRenames({ rename, set, remove }: BodyEdits, field: string, report: Report): void {
  const targets = new Set<string>();
  for (const [from, to] of Object.entries(rename)) {
    const at = `${field}.rename${formatMapKey(from)}`;
    checkName(from, at, report);
    checkName(to, at, report);
    if (from === to) report({ field: at, message: `leaves ${from} as it is` });
    if (remove.includes(from)) report({ field: at, message: `${from} is removed as well` });
    if (Object.hasOwn(set, to)) report({ field: at, message: `${to} is set as well` });
    if (targets.has(to)) report({ field: at, message: `another member is renamed to ${to}` });
    targets.add(to);
  }
}

function checkName(name: string, field: string, report: Report): void {
  if (name === '__proto__') report({ field, message: 'no body with a member __proto__ is accepted' });
}
