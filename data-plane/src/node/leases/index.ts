export { LEASE_MS, type LeasedBucket, type LeaseReport } from './lease-store.ts';
export { RedisLeases } from './redis-leases.ts';
