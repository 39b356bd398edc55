/** The database cannot be asked, or did not answer in time. Every method of a store rejects with it and with nothing else expected. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
  /** `unknown`: the connection was lost while a commit was under way; ask `findWrite`. `none`: nothing was written. */
  readonly effect: 'none' | 'unknown';

  constructor(message: string, effect: 'none' | 'unknown' = 'none', options?: ErrorOptions) {
    super(message, options);
    this.effect = effect;
  }
}

/** The store cannot be opened. The message is one line and holds no password; the remedy says what to do. */
export class StoreStartError extends Error {
  override readonly name = 'StoreStartError';
  readonly remedy: string;

  constructor(message: string, remedy: string, options?: ErrorOptions) {
    super(message, options);
    this.remedy = remedy;
  }
}
