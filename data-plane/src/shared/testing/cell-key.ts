import { CellKey } from '../cell-key.ts';

/** A key chosen by its hash: `bucket` in the low bits, `id` above. */
export function cellKey(bucket: number, id: number): CellKey {
  const key = new CellKey();
  key.lo = (id << 12) | bucket;
  key.hi = Math.imul(id, 0x9e3779b9);
  return key;
}
