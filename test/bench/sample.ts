/** What one round measured of one candidate; what does not apply to a case is absent. */
export type Sample = {
  readonly requestsPerSecond?: number;
  readonly megabytesPerSecond?: number;
  /** CPU time of the proxy's whole process tree for each request, in microseconds. */
  readonly cpuUs?: number;
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  /** Resident memory of the node for each idle connection. */
  readonly kibPerConnection?: number;
  readonly requests?: number;
  /** Failed connections, reads, writes and timeouts, and answers that are not 2xx or 3xx. */
  readonly errors?: number;
  /** Share of the round (0 to 1) in which the proxy used its core. */
  readonly proxyShare?: number;
  /** Share of the round in which something else used the proxy's core: interrupts, other programs. */
  readonly othersShare?: number;
  /** Share of all cores' time that the hypervisor gave to other machines. */
  readonly stealShare?: number;
  /** How late the load generator sent what was due, 99th percentile. */
  readonly lateP99Ms?: number;
};

/** How a measure is shown. */
export const measures: Readonly<Record<keyof Sample, { readonly title: string; readonly digits: number }>> = {
  requestsPerSecond: { title: 'req/s', digits: 0 },
  megabytesPerSecond: { title: 'MB/s', digits: 0 },
  cpuUs: { title: 'CPU us/req', digits: 1 },
  p50Ms: { title: 'p50 ms', digits: 3 },
  p99Ms: { title: 'p99 ms', digits: 3 },
  kibPerConnection: { title: 'KiB/connection', digits: 1 },
  requests: { title: 'requests', digits: 0 },
  errors: { title: 'errors', digits: 0 },
  proxyShare: { title: 'proxy on its core', digits: 2 },
  othersShare: { title: 'others on it', digits: 2 },
  stealShare: { title: 'steal', digits: 3 },
  lateP99Ms: { title: 'sent late p99 ms', digits: 3 },
};
