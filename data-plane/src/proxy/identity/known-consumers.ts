import type { ConsumerPlan } from '@sluice/engine';
import type { FieldText } from '../../http1/index.ts';
import { type KeyPart, keyPart } from '../../shared/index.ts';

/** A consumer with what a worker keeps ready for it. */
export interface KnownConsumer {
  readonly plan: ConsumerPlan;
  readonly part: KeyPart;
  /** What upstreams are told. */
  readonly line: FieldText;
}

/** Consumers of callers, made ready once for each version of them. */
export class KnownConsumers {
  readonly #hashKey: readonly [number, number];
  readonly #known = new WeakMap<ConsumerPlan, KnownConsumer>();

  constructor(hashKey: readonly [number, number]) {
    this.#hashKey = hashKey;
  }

  of(plan: ConsumerPlan): KnownConsumer {
    let known = this.#known.get(plan);
    if (known === undefined) {
      const line = `x-consumer: ${plan.name}\r\n` as FieldText;
      known = { plan, part: keyPart(this.#hashKey, 'consumer', plan.name), line };
      this.#known.set(plan, known);
    }
    return known;
  }
}
