import { startOrigin } from '../harness/origin.ts';
import { readOptions } from '../harness/read-options.ts';
import { readStrictly } from '../harness/strict-requests.ts';
import { arrivedOf, isOwn } from './arrivals.ts';
import { idOf, type SmugglingCase } from './case.ts';
import { smugglingCorpus } from './corpus.ts';
import { peers } from './peers.ts';
import { sendCorpus } from './send-corpus.ts';

/**
 * Sends the corpus through a proxy to an origin and counts the cases of which something came out that an origin could take
 * for anything else: `npm run smuggling -- --peer haproxy`. Nothing is expected; it is for comparing.
 */
const usage = `usage: npm run smuggling -- [--peer ${Object.keys(peers).join('|')}] [--list]\n`;
const values = readOptions(usage, {
  peer: { type: 'string', default: 'sluice' },
  list: { type: 'boolean', default: false },
});
const peer = values.peer as keyof typeof peers;
if (!(peer in peers)) {
  process.stderr.write(usage);
  process.exit(2);
}

const corpus = smugglingCorpus();
// A connection for each request, so that what is unclear of one hides no other.
await using origin = await startOrigin(({ target }) => {
  return { headers: { 'x-target': target, connection: 'close' }, ending: 'close' };
});
await using proxy = await peers[peer](origin.port);
const outcomes = await sendCorpus(proxy.port, corpus, 'raw');
const findings = findDirt();
const refused = outcomes.filter(({ statuses }) => (statuses.at(-1) ?? 500) >= 400 || statuses.length === 0).length;
console.log(
  `${peer} ${proxy.version}: ${corpus.length} cases, ${refused} refused, ${findings.size} dirty (${[...count()].map(([kind, number]) => `${number} ${kind}`).join(', ')})`,
);
if (values.list) for (const [id, what] of findings) console.log(`  ${nameOf(id)}: ${what}`);
process.exit();

/** By case: what was wrong with what the origin got of it. */
function findDirt(): Map<string, string> {
  const found = new Map<string, string>();
  const counts = new Map<string, number>();
  for (let connection = 1; connection <= origin.accepted(); connection++) {
    const bytes = origin.received(connection);
    const { requests, fault } = readStrictly(bytes, 'any');
    for (const { id } of requests.map(arrivedOf).filter((one) => !isOwn(one)))
      counts.set(id, (counts.get(id) ?? 0) + 1);
    // Which case it was is in the bytes, however they are read.
    const id = [...bytes.toString('latin1').matchAll(/(?:x-case:\s*|\/[ch]\/)(\d{5})/gi)].at(-1)?.[1];
    if (fault !== undefined) found.set(id ?? `connection ${connection}`, `unclear: ${fault}`);
  }
  for (const [index, { most }] of corpus.entries()) {
    const number = counts.get(idOf(index)) ?? 0;
    if (number > most) found.set(idOf(index), `more: ${number} requests of ${most}`);
  }
  return found;
}

function count(): Map<string, number> {
  const kinds = Map.groupBy(findings.values(), (what) => what.slice(0, what.indexOf(':')));
  return new Map([...kinds].map(([kind, all]) => [kind, all.length]));
}

function nameOf(id: string): string {
  const one: SmugglingCase | undefined = corpus[Number(id)];
  return one === undefined ? id : `${id} ${one.name}`;
}
