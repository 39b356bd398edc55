/** Settles as the promise does, or after `ms` rejects with what `expire` makes. The promise itself goes on. */
export async function withDeadline<T>(promise: Promise<T>, ms: number, expire: () => Error): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(expire()), ms);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
