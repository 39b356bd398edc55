import type { Resource } from '@sluice/proto';
import type { Report } from '../problem.ts';

/** Something a resource must keep to that can be seen from the resource alone. */
export type Rule = (resource: Resource, report: Report) => void;
