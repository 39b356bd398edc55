/** What gatewayctl exits with. */
export const EXIT = { done: 0, failed: 1, usage: 2, differences: 3 } as const;

/** A command that cannot go on: lines for standard error, and the exit code. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}
