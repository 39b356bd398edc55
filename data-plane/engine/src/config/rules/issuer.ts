import type { Issuer } from '@sluice/proto';
import type { Report } from '../problem.ts';
import type { Rule } from './rule.ts';

/** An issuer accepts algorithms of its sort of key alone: a public key is nobody's shared secret. */
export const checkIssuer: Rule = ({ spec }, report) => {
  if (spec.case !== 'issuer') return;
  const { keySource, algorithms } = spec.value;
  if (keySource.case === undefined) return;
  if (keySource.case !== 'signing' && algorithms.length === 0) {
    report({ field: 'spec.algorithms', message: 'must name the algorithms that are accepted' });
  }
  checkAlgorithms(spec.value, report);
};

function checkAlgorithms({ keySource, algorithms }: Issuer, report: Report): void {
  algorithms.forEach((algorithm, i) => {
    const isShared = algorithm.startsWith('HS');
    if (isShared === (keySource.case === 'secret')) return;
    const field = `spec.algorithms[${i}]`;
    if (isShared) report({ field, message: `${algorithm} needs a secret, and ${keySource.case} holds public keys` });
    else report({ field, message: `${algorithm} needs public keys, and there is a secret` });
  });
}
