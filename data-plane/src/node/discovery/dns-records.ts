/** An endpoint as DNS says it. */
export interface FoundAddress {
  /** ADDRESS:PORT; an IPv6 address in brackets. */
  readonly address: string;
  /** 1 to 1000. */
  readonly weight: number;
  /** Those of the lowest number are used first. */
  readonly priority: number;
}

/** An SRV record (RFC 2782). */
export interface SrvRecord {
  readonly name: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

/** An address that a record leads to, with the record's own numbers. */
export interface Target {
  readonly ip: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

/** As many as a service may list. */
export const MAX_FOUND = 1_000;
/** Names that SRV records lead to and that are asked for. */
export const MAX_SRV_NAMES = 256;
const MOST_WEIGHT = 1_000;

/**
 * Each address once, in an order that does not depend on the answer's: by priority, then by address. Of more than {@link MAX_FOUND}
 * the last are left out.
 */
export function foundAddresses(targets: readonly Target[]): {
  readonly found: readonly FoundAddress[];
  readonly leftOut: number;
} {
  const merged = new Map<string, { address: string; weight: number; priority: number }>();
  for (const { ip, port, weight, priority } of targets) {
    const address = ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
    const known = merged.get(address);
    if (known === undefined || priority < known.priority) merged.set(address, { address, weight, priority });
    else if (priority === known.priority) known.weight += weight;
  }
  const sorted = [...merged.values()].sort(
    (a, b) => a.priority - b.priority || (a.address < b.address ? -1 : Number(a.address > b.address)),
  );
  return { found: scaled(sorted.slice(0, MAX_FOUND)), leftOut: Math.max(0, sorted.length - MAX_FOUND) };
}

/** The names that SRV records lead to, the first priorities first; a record for "." says that there is no service. */
export function srvNames(records: readonly SrvRecord[]): readonly string[] {
  const byPriority = [...records].sort((a, b) => a.priority - b.priority || (a.name < b.name ? -1 : 1));
  const names = new Set(byPriority.filter(({ name, port }) => name !== '' && name !== '.' && port > 0).map(nameOf));
  return [...names].slice(0, MAX_SRV_NAMES);
}

export function nameOf({ name }: SrvRecord): string {
  return name.toLowerCase();
}

/**
 * Weights of 0 to 65535 as 1 to 1000. One of 0 beside others has a very small chance (RFC 2782), and where all are 0 they are alike.
 */
function scaled(found: readonly FoundAddress[]): readonly FoundAddress[] {
  const most = Math.max(0, ...found.map(({ weight }) => weight));
  const hasZero = found.some(({ weight }) => weight === 0);
  const scale = most > MOST_WEIGHT || (hasZero && most > 0) ? MOST_WEIGHT / most : 1;
  return found.map((each) => ({ ...each, weight: Math.max(1, Math.round(each.weight * scale)) }));
}
