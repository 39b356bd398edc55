import { watchLostTime } from '../harness/lost-time.ts';
import type { SmugglingCase } from './case.ts';
import { type Mode, type Outcome, sendCase } from './send-case.ts';

const LANES = 24;

/** Sends every case, some at a time, and gives what came back, in their order. */
export async function sendCorpus(port: number, corpus: readonly SmugglingCase[], mode: Mode): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  using clock = watchLostTime();
  let next = 0;
  const lane = async () => {
    for (let index = next++; index < corpus.length; index = next++) {
      outcomes[index] = await sendCase(port, corpus[index] as SmugglingCase, index, mode, clock).catch(
        (error: Error) => {
          throw new Error(`${corpus[index]?.name}, ${mode}`, { cause: error });
        },
      );
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return outcomes;
}
