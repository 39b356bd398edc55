export type { FailedCondition, MatchVerdict } from './explain-match.ts';
export { STEP_NAMES as EXPLAIN_STEPS } from './explain-plan.ts';
export {
  type AssumedCaller,
  DEFAULT_LISTENER,
  type Decision,
  type ExplainedRequest,
  Explainer,
  type ExplainerOptions,
  type Explanation,
  type RequestOutcome,
  type StepVerdict,
} from './explainer.ts';
