import type { Kind } from './kind.ts';

/** One thing wrong with one place of a resource. An error refuses the change; a warning does not. */
export interface Problem {
  readonly severity: 'error' | 'warning';
  /** The resource's kind; the text as written where it is no kind. */
  readonly kind: Kind | (string & {});
  readonly name: string;
  /** The place as manifests write it, such as `spec.match[0].path.prefix`. Empty: the resource as a whole. */
  readonly field: string;
  /** What is wrong, in one sentence without a full stop. */
  readonly message: string;
  /** What to do about it, where the message does not say it. */
  readonly remedy?: string;
}

/** A problem of a resource that is known from where it is found. */
export type Finding = Pick<Problem, 'field' | 'message' | 'remedy'> & { readonly severity?: Problem['severity'] };

/** Collects the problems of one resource. */
export type Report = (finding: Finding) => void;

export function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some((problem) => problem.severity === 'error');
}
