import { clientAddress, forwardedNodes, type ListenerPlan } from '@sluice/engine';
import { type FieldText, HeaderId, type Host, joinedFieldValue, type RequestHead } from '../../http1/index.ts';
import { type KeyPart, keyPart } from '../../shared/index.ts';
import { addressGroup } from './client-address.ts';

/** The other end of a client connection, and what of it goes into every request. */
export class Peer {
  readonly address: string;
  readonly #hashKey: readonly [number, number];
  #plan: ListenerPlan | null = null;
  #trusted = false;
  #part: KeyPart | null = null;
  #group: string | null = null;
  #admits: ((address: string) => boolean) | null = null;
  #admitted = false;
  #host: Host | null | undefined = undefined;
  #minor = -1;
  #lines = '' as FieldText;

  constructor(address: string, hashKey: readonly [number, number]) {
    this.address = address;
    this.#hashKey = hashKey;
  }

  /** Whether its forwarding headers, request id and sampled flag are believed. */
  isTrusted(plan: ListenerPlan): boolean {
    if (this.#plan !== plan) {
      this.#plan = plan;
      this.#trusted = plan.trusts(this.address);
    }
    return this.#trusted;
  }

  /** Whether the client's address is one that a route admits. */
  isAdmitted(head: RequestHead, plan: ListenerPlan, admits: (address: string) => boolean): boolean {
    const forwardedFor = this.isTrusted(plan) ? hopsOf(head) : undefined;
    if (forwardedFor !== undefined) return admits(clientAddress(this.address, forwardedFor, plan.trusts));
    if (this.#admits !== admits) {
      this.#admits = admits;
      this.#admitted = admits(this.address);
    }
    return this.#admitted;
  }

  /** The client's address: behind trusted proxies the one they name. */
  clientAddress(head: RequestHead, plan: ListenerPlan): string {
    const forwardedFor = this.isTrusted(plan) ? hopsOf(head) : undefined;
    return forwardedFor === undefined ? this.address : clientAddress(this.address, forwardedFor, plan.trusts);
  }

  /** The client's address as limits count by it. */
  clientPart(head: RequestHead, plan: ListenerPlan): KeyPart {
    if (this.isTrusted(plan)) {
      const forwardedFor = hopsOf(head);
      if (forwardedFor !== undefined) {
        return keyPart(this.#hashKey, 'clientIp', addressGroup(clientAddress(this.address, forwardedFor, plan.trusts)));
      }
    }
    this.#part ??= keyPart(this.#hashKey, 'clientIp', addressGroup(this.address));
    return this.#part;
  }

  /** The client's address in words, as limits count by it: an IPv4 address, or the /64 of an IPv6 one. */
  clientGroup(head: RequestHead, plan: ListenerPlan): string {
    const forwardedFor = this.isTrusted(plan) ? hopsOf(head) : undefined;
    if (forwardedFor !== undefined) return addressGroup(clientAddress(this.address, forwardedFor, plan.trusts));
    this.#group ??= addressGroup(this.address);
    return this.#group;
  }

  /** The forwarding lines of a request. Those of a trusted peer go on from what it says; of another they begin here. */
  forwardingLines(head: RequestHead, plan: ListenerPlan): FieldText {
    const { host, minor } = head;
    if (this.isTrusted(plan)) return this.#continuedLines(head);
    if (host !== this.#host || minor !== this.#minor) {
      this.#host = host;
      this.#minor = minor;
      this.#lines = this.#freshLines(host, minor);
    }
    return this.#lines;
  }

  #freshLines(host: Host | null, minor: number): FieldText {
    const { address } = this;
    let text = `x-forwarded-for: ${address}\r\nx-forwarded-proto: http\r\n`;
    if (host !== null) text += `x-forwarded-host: ${host.authority}\r\n`;
    return `${text}forwarded: ${forwardedElement(address, host)}\r\nvia: 1.${minor} sluice\r\n` as FieldText;
  }

  #continuedLines(head: RequestHead): FieldText {
    const { address } = this;
    const hops = hopsOf(head);
    const proto = joinedFieldValue(head, HeaderId.forwardedProto) ?? 'http';
    const host = joinedFieldValue(head, HeaderId.forwardedHost) ?? head.host?.authority;
    const elements = joinedFieldValue(head, HeaderId.forwarded);
    const own = forwardedElement(address, head.host);
    let text = `x-forwarded-for: ${hops === undefined ? address : `${hops}, ${address}`}\r\nx-forwarded-proto: ${proto}\r\n`;
    if (host !== undefined) text += `x-forwarded-host: ${host}\r\n`;
    text += `forwarded: ${elements === undefined ? own : `${elements}, ${own}`}\r\n`;
    return `${text}via: 1.${head.minor} sluice\r\n` as FieldText;
  }
}

/** Where a request came along, as a trusted peer says: by X-Forwarded-For, or where that is not there by Forwarded. */
function hopsOf(head: RequestHead): string | undefined {
  const forwardedFor = joinedFieldValue(head, HeaderId.forwardedFor);
  if (forwardedFor !== undefined) return forwardedFor;
  const forwarded = joinedFieldValue(head, HeaderId.forwarded);
  return forwarded === undefined ? undefined : forwardedNodes(forwarded);
}

/** RFC 7239: an IPv6 address and a host with a port are quoted. */
function forwardedElement(address: string, host: Host | null): string {
  const forNode = address.includes(':') ? `"[${address}]"` : address;
  if (host === null) return `for=${forNode};proto=http`;
  const { authority } = host;
  return `for=${forNode};host=${authority.includes(':') ? `"${authority}"` : authority};proto=http`;
}
