import { type Kind, kindOf } from '@sluice/engine';
import type { Resource, Route, StoredResource } from '@sluice/proto';
import type { Column } from './table.ts';

type Columns = readonly Column<StoredResource>[];

/** The columns of a kind; undefined: of all kinds together. */
export function resourceColumns(kind: Kind | undefined): Columns {
  const shared: Columns = [
    { title: 'revision', value: ({ revision }) => String(revision) },
    { title: 'labels', value: ({ resource }) => pairs(resource?.labels ?? {}), wide: true },
    { title: 'node groups', value: ({ resource }) => resource?.nodeGroups.join(',') || 'all', wide: true },
  ];
  const name = { title: 'name', value: ({ resource }: StoredResource) => resource?.name ?? '' };
  if (kind === undefined) return [{ title: 'kind', value: ({ resource }) => kindOf(resource!) }, name, ...shared];
  return [name, ...(OWN_COLUMNS[kind] ?? []), ...shared];
}

const OWN_COLUMNS: Partial<Record<Kind, Columns>> = {
  Route: [
    { title: 'hosts', value: ofSpec('route', ({ hosts }) => hosts.join(',') || '*') },
    { title: 'match', value: ofSpec('route', ({ match }) => match.map(matchText).join(' | ') || '*') },
    { title: 'service', value: ofSpec('route', ({ service }) => service) },
    { title: 'policies', value: ofSpec('route', ({ policies }) => policies.join(',') || '-') },
    { title: 'enabled', value: ofSpec('route', ({ enabled }) => String(enabled ?? true)), wide: true },
  ],
  Service: [
    {
      title: 'endpoints',
      value: ofSpec('service', ({ endpoints }) => endpoints.map(({ address }) => address).join(',')),
    },
    {
      title: 'breaker',
      value: ofSpec('service', ({ circuitBreaker }) => (circuitBreaker === undefined ? 'no' : 'yes')),
    },
    { title: 'enabled', value: ofSpec('service', ({ enabled }) => String(enabled ?? true)), wide: true },
  ],
  Consumer: [{ title: 'owner', value: ofSpec('consumer', ({ owner }) => owner || '-') }],
  Policy: [
    {
      title: 'limits',
      value: ofSpec('policy', ({ rateLimits }) => rateLimits.map((limit) => limit.name).join(',') || '-'),
    },
  ],
  Listener: [{ title: 'address', value: ofSpec('listener', ({ address }) => address) }],
  NodeGroup: [{ title: 'description', value: ofSpec('nodeGroup', ({ description }) => description || '-') }],
};

type SpecCase = NonNullable<Resource['spec']['case']>;
type SpecOf<Case extends SpecCase> = Extract<Resource['spec'], { case: Case }>['value'];

function ofSpec<Case extends SpecCase>(
  specCase: Case,
  value: (spec: SpecOf<Case>) => string,
): (row: StoredResource) => string {
  return ({ resource }) => (resource?.spec.case === specCase ? value(resource.spec.value as SpecOf<Case>) : '');
}

function matchText({ path, methods }: Route['match'][number]): string {
  const pathText = path?.kind.case === undefined ? '*' : path.kind.value + (path.kind.case === 'prefix' ? '/*' : '');
  return methods.length === 0 ? pathText.replace('//*', '/*') : `${methods.join(',')} ${pathText.replace('//*', '/*')}`;
}

function pairs(labels: Readonly<Record<string, string>>): string {
  return (
    Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(',') || '-'
  );
}
