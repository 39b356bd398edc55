export type { FailedCondition, MatchVerdict } from './explain-match.ts';
export {
  type AssumedCaller,
  DEFAULT_LISTENER,
  type Decision,
  type ExplainedRequest,
  Explainer,
  type Explanation,
  type RequestOutcome,
  type StepVerdict,
} from './explainer.ts';
