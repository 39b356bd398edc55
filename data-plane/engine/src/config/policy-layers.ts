/** What a policy, or the route at the end of its policies, says about the fields they share. */
export interface PolicyLayer {
  /** Fields that earlier layers say and that are dropped. */
  readonly none: readonly string[];
}

/** Of layers in the order they apply, those that count for a field: from the last that drops it on. */
export function layersFor<Layer extends PolicyLayer>(layers: readonly Layer[], field: string): readonly Layer[] {
  const dropped = layers.findLastIndex(({ none }) => none.includes(field));
  return dropped <= 0 ? layers : layers.slice(dropped);
}

/** Limits add up in their order; a later one takes the place of an earlier one of the same name. */
export function addUpLimits<Limit>(limits: readonly Limit[], nameOf: (limit: Limit) => string): Limit[] {
  return [...new Map(limits.map((limit) => [nameOf(limit), limit])).values()];
}
