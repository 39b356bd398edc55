/**
 * Runs the npm package http-cache-tests against the gateway at the address given first, all of it or the tests that are named behind,
 * and prints what came of it as JSON.
 */
import { getResults, runTests } from 'http-cache-tests/client/runner.mjs';
import suites from 'http-cache-tests/tests/index.mjs';
import fetch from 'node-fetch';

const [baseUrl = '', ...ids] = process.argv.slice(2);
const chosen = suites.map((suite) => ({
  ...suite,
  tests: suite.tests.filter(({ id }) => ids.length === 0 || ids.includes(id)),
}));
await runTests(chosen, fetch, false, baseUrl);
const results = getResults();
const tests = chosen
  .flatMap(({ tests: all }) => all)
  .filter(({ browser_only: isForBrowsers }) => isForBrowsers !== true)
  .map(({ id, kind = 'required', depends_on: needs = [] }) => ({ id, kind, needs, result: results[id] }));
process.stdout.write(JSON.stringify(tests));
