import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { Problem } from '@sluice/engine';
import { diffResources } from '@sluice/engine';
import {
  ChangeKind,
  FieldChangeSchema,
  type Problem as ProblemMessage,
  ProblemSchema,
  type Resource,
  type ResourceChange,
  ResourceChangeSchema,
  type Revision,
  RevisionSchema,
  Severity,
} from '@sluice/proto';
import type { RevisionRecord } from '../store/store.ts';

/** What happens to one resource, and, where it is replaced, to which of its fields. */
export function describeChange(
  kind: string,
  name: string,
  before: Resource | undefined,
  after: Resource | undefined,
): ResourceChange {
  return create(ResourceChangeSchema, {
    ref: { kind, name },
    change: after === undefined ? ChangeKind.DELETED : before === undefined ? ChangeKind.CREATED : ChangeKind.UPDATED,
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
    fields: before === undefined || after === undefined ? [] : diffFields(before, after),
  });
}

export function describeRevision(record: RevisionRecord): Revision {
  return create(RevisionSchema, {
    ...record,
    revision: BigInt(record.revision),
    createdAt: timestampFromDate(record.createdAt),
    rollbackOf: BigInt(record.rollbackOf),
  });
}

export function describeProblem(problem: Problem): ProblemMessage {
  return create(ProblemSchema, {
    ...problem,
    severity: problem.severity === 'error' ? Severity.ERROR : Severity.WARNING,
  });
}

function diffFields(before: Resource, after: Resource) {
  return diffResources(before, after).map((difference) =>
    create(FieldChangeSchema, {
      field: difference.field,
      before: writeValue(difference.before),
      after: writeValue(difference.after),
    }),
  );
}

/** Texts as they are, other values as JSON, which is YAML too. */
function writeValue(value: unknown): string {
  if (value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
