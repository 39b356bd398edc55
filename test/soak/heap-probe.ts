import { within } from '../harness/wait-for.ts';

/** What a process has in all its threads, after each collected its garbage. */
export type HeapSample = {
  readonly heapBytes: number;
  readonly threads: number;
  /** Timers and handles that keep an event loop busy, by the names Node gives them. */
  readonly resources: Readonly<Record<string, number>>;
};

export type HeapProbe = Disposable & { readonly sample: () => Promise<HeapSample> };

type Message = {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly sessionId: string; readonly message: string };
  readonly result?: unknown;
};

/** Looks into a process that was started with `--inspect`, and into its worker threads. */
export async function openHeapProbe(inspectorUrl: string): Promise<HeapProbe> {
  const socket = new WebSocket(inspectorUrl);
  const waiting = new Map<string, PromiseWithResolvers<unknown>>();
  const workers = new Set<string>();
  let last = 0;

  const settle = (session: string, { id, result }: Message) => {
    waiting.get(`${session}/${id}`)?.resolve(result);
    waiting.delete(`${session}/${id}`);
  };
  const forget = (session: string) => {
    workers.delete(session);
    for (const [key, { reject }] of waiting)
      if (key.startsWith(`${session}/`)) reject(new Error('the worker has ended'));
  };
  socket.addEventListener('message', ({ data }) => {
    const message = JSON.parse(String(data)) as Message;
    if (message.id !== undefined) settle('', message);
    else if (message.method === 'NodeWorker.attachedToWorker') workers.add(message.params!.sessionId);
    else if (message.method === 'NodeWorker.detachedFromWorker') forget(message.params!.sessionId);
    else if (message.method === 'NodeWorker.receivedMessageFromWorker') {
      settle(message.params!.sessionId, JSON.parse(message.params!.message) as Message);
    }
  });
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve());
    socket.addEventListener('error', () => reject(new Error(`cannot connect to ${inspectorUrl}`)));
  });

  function ask(session: string, method: string, params: object = {}): Promise<unknown> {
    const id = ++last;
    const answer = Promise.withResolvers<unknown>();
    waiting.set(`${session}/${id}`, answer);
    const text = JSON.stringify({ id, method, params });
    if (session === '') socket.send(text);
    else {
      const inner = { sessionId: session, message: text };
      socket.send(JSON.stringify({ id: ++last, method: 'NodeWorker.sendMessageToWorker', params: inner }));
    }
    return within(method, answer.promise, 30_000);
  }

  async function sampleThread(session: string): Promise<{ used: number; resources: string[] } | undefined> {
    try {
      await ask(session, 'HeapProfiler.collectGarbage');
      const { usedSize } = (await ask(session, 'Runtime.getHeapUsage')) as { usedSize: number };
      const expression = 'process.getActiveResourcesInfo()';
      const { result } = (await ask(session, 'Runtime.evaluate', { expression, returnByValue: true })) as {
        result: { value: string[] };
      };
      return { used: usedSize, resources: result.value };
    } catch (error) {
      // A worker that was replaced meanwhile.
      if (session !== '' && !workers.has(session)) return undefined;
      throw error;
    }
  }

  await ask('', 'NodeWorker.enable', { waitForDebuggerOnStart: false });
  return {
    async sample() {
      const threads = (await Promise.all(['', ...workers].map(sampleThread))).filter((each) => each !== undefined);
      const resources: Record<string, number> = {};
      for (const name of threads.flatMap((thread) => thread.resources)) resources[name] = (resources[name] ?? 0) + 1;
      return { heapBytes: threads.reduce((sum, { used }) => sum + used, 0), threads: threads.length, resources };
    },
    [Symbol.dispose]() {
      socket.close();
    },
  };
}
