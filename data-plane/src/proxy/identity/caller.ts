import type { ApiKeyPlan, ConsumerPlan, Entitlements } from '@sluice/engine';
import type { FieldText } from '../../http1/index.ts';
import type { KeyPart } from '../../shared/index.ts';

/** Who a request comes from, as a valid credential says. */
export interface Caller extends Entitlements {
  /** Null: a token that stands for no consumer. */
  readonly consumer: ConsumerPlan | null;
  readonly apiKey: ApiKeyPlan | null;
  readonly consumerPart: KeyPart | null;
  readonly apiKeyPart: KeyPart | null;
  /** What upstreams are told. */
  readonly line: FieldText;
}
