/**
 * Whether what a test needs is not on this machine; then it is skipped, and says so. CI installs everything (`.ci/run`) and sets
 * SLUICE_SKIP_NOTHING: there it fails.
 */
export function isMissing(what: string, missing: boolean, env: NodeJS.ProcessEnv = process.env): boolean {
  if (!missing) return false;
  if (env.SLUICE_SKIP_NOTHING) throw new Error(`${what} is missing, and SLUICE_SKIP_NOTHING is set`);
  process.stdout.write(`skipped: ${what} is missing\n`);
  return true;
}
