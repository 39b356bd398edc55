import type { IpRules, Membership } from '@sluice/proto';
import { covers } from '../../tables/address-rules.ts';
import { formatMapKey } from '../field-path.ts';
import type { Report } from '../problem.ts';
import { checkNetwork, networkFinding } from './network.ts';
import type { Rule } from './rule.ts';

/** What a caller needs is something, scopes are scopes, and somebody's address may call. */
export const checkAuthorization: Rule = ({ spec }, report) => {
  if (spec.case === 'consumer') checkScopes(spec.value.scopes, 'spec.scopes', report);
  if (spec.case !== 'policy' && spec.case !== 'route') return;
  const { authorization } = spec.value;
  if (authorization === undefined) return;
  const { scopes, groups, claims, ip } = authorization;
  if (scopes === undefined && groups === undefined && Object.keys(claims).length === 0 && ip === undefined) {
    report({
      field: 'spec.authorization',
      message: 'asks for nothing, so that everybody has it',
      remedy: 'give scopes, groups, claims or ip, or leave it out',
    });
  }
  if (scopes !== undefined) {
    checkMembership(scopes, 'spec.authorization.scopes', report);
    for (const list of ['allOf', 'anyOf'] as const) {
      checkScopes(scopes[list], `spec.authorization.scopes.${list}`, report);
    }
  }
  if (groups !== undefined) checkMembership(groups, 'spec.authorization.groups', report);
  for (const name of Object.keys(claims)) {
    if (name === '') report({ field: `spec.authorization.claims${formatMapKey(name)}`, message: 'names no claim' });
  }
  if (ip !== undefined) checkAddresses(ip, report);
};

/** As tokens can carry them, whose claim is one text with spaces between them (RFC 6749, 3.3; RFC 8693, 4.2). */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

function checkScopes(scopes: readonly string[], field: string, report: Report): void {
  scopes.forEach((scope, i) => {
    if (scope === '' || SCOPE.test(scope)) return;
    report({ field: `${field}[${i}]`, message: 'must be one scope: visible ASCII characters but " and \\, no spaces' });
  });
}

function checkMembership({ allOf, anyOf }: Membership, field: string, report: Report): void {
  if (allOf.length + anyOf.length > 0) return;
  report({
    field,
    message: 'asks for nothing, so that everybody has it',
    remedy: 'give allOf or anyOf, or leave it out',
  });
}

function checkAddresses({ allow, deny }: IpRules, report: Report): void {
  if (allow.length + deny.length === 0) {
    report({ field: 'spec.authorization.ip', message: 'lets every address call', remedy: 'give allow or deny' });
  }
  for (const [list, networks] of [['allow', allow] as const, ['deny', deny] as const]) {
    networks.forEach((network, i) => {
      const finding = networkFinding(network, `spec.authorization.ip.${list}[${i}]`);
      if (finding !== undefined) report(finding);
    });
  }
  checkDenied(allow, deny, report);
}

/** Whatever is denied does not call, so that an `allow` inside of it allows nobody. */
function checkDenied(allow: readonly string[], deny: readonly string[], report: Report): void {
  const denied = deny.filter((network) => checkNetwork(network) === undefined);
  const within = allow.map((network) =>
    checkNetwork(network) === undefined ? denied.find((wide) => covers(wide, network)) : undefined,
  );
  if (allow.length > 0 && within.every((wide) => wide !== undefined)) {
    report({ field: 'spec.authorization.ip.allow', message: 'is denied as well: no address may call' });
    return;
  }
  within.forEach((wide, i) => {
    if (wide === undefined) return;
    const message = `${allow[i]} lets nobody call: ${wide} denies all of it`;
    report({ severity: 'warning', field: `spec.authorization.ip.allow[${i}]`, message, remedy: 'remove one of them' });
  });
}
