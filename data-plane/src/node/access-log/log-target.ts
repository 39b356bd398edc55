/** Where lines go. One write at a time. */
export interface LogTarget {
  /** Whole lines. Resolves when they are taken, which may take long; rejects where they are lost. */
  write(lines: Buffer): Promise<void>;
  close(): Promise<void>;
}

/** Standard output, beside what the node says of itself. A reader that is slow delays nothing but this. */
export const standardOutput: LogTarget = {
  write: (lines) =>
    new Promise((resolve, reject) => {
      process.stdout.write(lines, (error) => {
        if (error instanceof Error) reject(error);
        else resolve();
      });
    }),
  close: () => Promise.resolve(),
};
