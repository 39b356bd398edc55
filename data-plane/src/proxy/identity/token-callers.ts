import {
  endOf,
  type IssuerPlan,
  type JsonObject,
  type JwtMethodPlan,
  memberOf,
  namesIn,
  type Tables,
  type TokenRefusal,
  tokenRefusals,
  verifyToken,
} from '@sluice/engine';
import { detached, type FieldText } from '../../http1/index.ts';
import type { KeyPart } from '../../shared/index.ts';
import { TwoGenerations } from '../two-generations.ts';
import { SeenTwice } from '../upstream/seen-twice.ts';
import type { Caller } from './caller.ts';
import type { KnownConsumers } from './known-consumers.ts';

/** Who presents a token: its signature and claims were verified once. */
export class TokenCaller implements Caller {
  readonly issuer: IssuerPlan;
  readonly claims: JsonObject;
  /** From here on the token is not accepted. */
  readonly endMs: number;
  /** Of the tables that consumer and issuer were looked up in. */
  readonly epoch: number;
  readonly consumer: Caller['consumer'];
  readonly consumerPart: KeyPart | null;
  readonly line: FieldText;
  readonly apiKey = null;
  readonly apiKeyPart = null;
  #scopes: ReadonlySet<string> | undefined;
  #groups: ReadonlySet<string> | undefined;

  constructor(issuer: IssuerPlan, claims: JsonObject, endMs: number, epoch: number, known: KnownConsumer | undefined) {
    this.issuer = issuer;
    this.claims = claims;
    this.endMs = endMs;
    this.epoch = epoch;
    this.consumer = known?.plan ?? null;
    this.consumerPart = known?.part ?? null;
    this.line = known?.line ?? NO_LINE;
  }

  /** The token's alone, whatever its consumer has (RFC 8693, 4.2: a list with spaces). */
  get scopes(): ReadonlySet<string> {
    this.#scopes ??= namesIn(memberOf(this.claims, this.issuer.scopesClaim), ' ');
    return this.#scopes;
  }

  /** The token's and those of its consumer. */
  get groups(): ReadonlySet<string> {
    this.#groups ??= new Set([
      ...namesIn(memberOf(this.claims, this.issuer.groupsClaim), undefined),
      ...(this.consumer?.groups ?? []),
    ]);
    return this.#groups;
  }
}

type KnownConsumer = ReturnType<KnownConsumers['of']>;

const NO_LINE = '' as FieldText;

/**
 * Finds callers by the token they present. A token that came twice is remembered by its very text: from then on it costs one lookup,
 * until it ends, or its issuer or consumer changes. What never verified is never remembered, and neither is what comes once, so nobody
 * can push out the tokens of others but with tokens of his own that he uses again and again.
 */
export class TokenCallers {
  readonly #tables: Tables;
  readonly #consumers: KnownConsumers;
  readonly #remembered = new TwoGenerations<TokenCaller>();
  readonly #seen = new SeenTwice();
  /** The issuers of methods, as they are in one epoch. */
  #issuers = new WeakMap<JwtMethodPlan, readonly IssuerPlan[]>();
  #epoch = -1;

  constructor(tables: Tables, consumers: KnownConsumers) {
    this.#tables = tables;
    this.#consumers = consumers;
  }

  /**
   * The caller of the token that ends `credential`, from `start` on, or why there is none. `nowMs`: the wall clock. The same text must
   * always come with the same `start`.
   */
  identify(
    credential: string,
    start: number,
    method: JwtMethodPlan,
    nowMs: number,
  ): TokenCaller | TokenRefusal<IssuerPlan> {
    const known = this.#remembered.get(credential);
    if (known !== undefined) {
      const caller = known.epoch === this.#tables.epoch ? known : this.#renew(credential, known, nowMs);
      if (caller !== undefined && method.issuers.includes(caller.issuer.name)) {
        return caller.endMs > nowMs ? caller : tokenRefusals.expired;
      }
    }
    const verified = verifyToken(credential.slice(start), this.#issuersOf(method), nowMs);
    if ('reason' in verified) return verified;
    const { issuer, claims } = verified;
    const revokedMs = this.#tables.revokedFromMs(issuer.name, claims);
    if (revokedMs <= nowMs) return tokenRefusals.revoked;
    const caller = this.#callerOf(issuer, claims, Math.min(endOf(claims, issuer), revokedMs));
    if (caller === undefined) return tokenRefusals.consumer;
    if (this.#seen.add(credential)) this.#remembered.set(detached(credential), caller);
    return caller;
  }

  /** The same token after the tables changed; undefined where it has to be verified again. */
  #renew(credential: string, { issuer, claims, endMs }: TokenCaller, nowMs: number): TokenCaller | undefined {
    const revokedMs = this.#tables.revokedFromMs(issuer.name, claims);
    const isSame = this.#tables.issuer(issuer.name) === issuer && revokedMs > nowMs;
    const caller = isSame ? this.#callerOf(issuer, claims, Math.min(endMs, revokedMs)) : undefined;
    if (caller === undefined) this.#remembered.delete(credential);
    else this.#remembered.set(detached(credential), caller);
    return caller;
  }

  /** Undefined where the token's consumer is not known and has to be. */
  #callerOf(issuer: IssuerPlan, claims: JsonObject, endMs: number): TokenCaller | undefined {
    const { consumer } = issuer;
    const { epoch } = this.#tables;
    if (consumer === undefined) return new TokenCaller(issuer, claims, endMs, epoch, undefined);
    const name = memberOf(claims, consumer.claim);
    const plan = typeof name === 'string' ? this.#tables.consumer(name) : undefined;
    if (plan === undefined && !consumer.admitsUnknown) return undefined;
    return new TokenCaller(issuer, claims, endMs, epoch, plan && this.#consumers.of(plan));
  }

  #issuersOf(method: JwtMethodPlan): readonly IssuerPlan[] {
    if (this.#epoch !== this.#tables.epoch) {
      this.#epoch = this.#tables.epoch;
      this.#issuers = new WeakMap();
    }
    let issuers = this.#issuers.get(method);
    if (issuers === undefined) {
      issuers = method.issuers.map((name) => this.#tables.issuer(name)).filter((issuer) => issuer !== undefined);
      this.#issuers.set(method, issuers);
    }
    return issuers;
  }
}
