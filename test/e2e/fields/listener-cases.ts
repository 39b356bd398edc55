import { connectRaw } from '../../harness/raw-client.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { type FieldCase, happens, type Spec, type World } from './field-case.ts';

const listener = (
  proves: readonly string[],
  from: Spec,
  to: Spec,
  rest: Pick<FieldCase, 'observe' | 'was' | 'is'>,
): FieldCase => ({
  proves,
  key: 'Listener/http',
  from: { spec: { address: '127.0.0.1:1', ...from } },
  to: { spec: { address: '127.0.0.1:1', ...to } },
  ...rest,
});

const limits = (
  proves: readonly string[],
  from: Spec,
  to: Spec,
  rest: Pick<FieldCase, 'observe' | 'was' | 'is'>,
): FieldCase => listener(proves, { limits: from }, { limits: to }, rest);

/** Whether a connection on which these bytes were sent ends. */
const endsAfter =
  (bytes: string) =>
  async ({ port, expected }: World): Promise<boolean> => {
    const client = await connectRaw(port);
    client.write(bytes);
    const ended = await happens(expected === true, () => !client.isOpen());
    client.reset();
    return ended;
  };

export const listenerCases: readonly FieldCase[] = [
  {
    proves: ['Listener.address'],
    key: 'Listener/extra',
    from: { spec: { address: '127.0.0.1:FREE1' } },
    to: { spec: { address: '127.0.0.1:FREE2' } },
    observe: async ({ ask, free }) => {
      const reached = (port: number): Promise<boolean> =>
        ask({ port }).then(
          () => true,
          () => false,
        );
      return [await reached(free[0]), await reached(free[1])];
    },
    was: [true, false],
    is: [false, true],
  },
  listener(
    ['Listener.trusted_proxies'],
    {},
    { trustedProxies: ['127.0.0.0/8'] },
    {
      observe: async ({ ask }) =>
        (await ask({ headers: { 'x-request-id': 'mine' } })).header('x-request-id') === 'mine',
      was: false,
      is: true,
    },
  ),
  listener(
    ['Listener.request_id', 'RequestId.header'],
    { requestId: { header: 'x-request-id' } },
    { requestId: { header: 'x-correlation-id' } },
    {
      observe: async ({ ask }) => (await ask()).header('x-correlation-id') !== undefined,
      was: false,
      is: true,
    },
  ),
  listener(
    ['Listener.merge_slashes'],
    {},
    { mergeSlashes: true },
    {
      observe: async ({ ask, origin }) => {
        await ask({ target: '/a//b' });
        return origin.requests.at(-1)!.target;
      },
      was: '/a//b',
      is: '/a/b',
    },
  ),
  listener(
    ['Listener.allow_encoded_slashes'],
    {},
    { allowEncodedSlashes: true },
    {
      observe: async ({ ask }) => (await ask({ target: '/a%2Fb' })).status,
      was: 400,
      is: 200,
    },
  ),
  limits(
    ['Listener.limits', 'ListenerLimits.header_bytes'],
    { headerBytes: '4KiB' },
    { headerBytes: '2KiB' },
    {
      observe: async ({ ask }) => (await ask({ headers: { 'x-long': 'x'.repeat(3_000) } })).status,
      was: 200,
      is: 431,
    },
  ),
  limits(
    ['ListenerLimits.header_count'],
    { headerCount: 20 },
    { headerCount: 5 },
    {
      observe: async ({ ask }) =>
        (await ask({ headers: Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`x-${index}`, '1'])) }))
          .status,
      was: 200,
      is: 431,
    },
  ),
  limits(
    ['ListenerLimits.body_bytes'],
    { bodyBytes: '2KiB' },
    { bodyBytes: '1KiB' },
    {
      observe: async ({ ask }) => (await ask({ method: 'POST', body: 'x'.repeat(1_500) })).status,
      was: 200,
      is: 413,
    },
  ),
  limits(
    ['ListenerLimits.header_timeout'],
    { headerTimeout: '20s' },
    { headerTimeout: '200ms' },
    {
      observe: endsAfter('GET / HTTP/1.1\r\nhost: a\r\n'),
      was: false,
      is: true,
    },
  ),
  limits(
    ['ListenerLimits.body_idle_timeout'],
    { bodyIdleTimeout: '20s' },
    { bodyIdleTimeout: '200ms' },
    {
      observe: endsAfter('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nx'),
      was: false,
      is: true,
    },
  ),
  limits(
    ['ListenerLimits.keep_alive_timeout'],
    { keepAliveTimeout: '20s' },
    { keepAliveTimeout: '200ms' },
    {
      observe: endsAfter('GET / HTTP/1.1\r\nhost: a\r\n\r\n'),
      was: false,
      is: true,
    },
  ),
  limits(
    ['ListenerLimits.connections_per_client'],
    { connectionsPerClient: 20 },
    { connectionsPerClient: 3 },
    {
      observe: async ({ port }) => {
        const clients = await Promise.all(
          Array.from({ length: 9 }, () => connectRaw(port, { localAddress: '127.0.0.7' })),
        );
        const answers = await Promise.all(
          clients.map((client) =>
            client.request({}).then(
              ({ status }) => status === 200,
              () => false,
            ),
          ),
        );
        for (const client of clients) client.reset();
        return answers.filter(Boolean).length > 3;
      },
      was: true,
      is: false,
    },
  ),
  limits(
    ['ListenerLimits.connections'],
    { connections: 100 },
    { connections: 4 },
    {
      observe: async ({ port, origin }) => {
        // Held at the origin, so that no connection becomes idle and makes room for the next.
        const { promise, resolve } = Promise.withResolvers<object>();
        origin.reply = () => promise;
        const before = origin.requests.length;
        const clients = await Promise.all(Array.from({ length: 12 }, () => connectRaw(port)));
        let closed = 0;
        for (const client of clients) {
          void client.closed.then(() => closed++);
          client.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
        }
        const admitted = (): number => origin.requests.length - before;
        await waitFor('each is admitted or closed', () => admitted() + closed === clients.length);
        const count = admitted();
        resolve({});
        for (const client of clients) client.reset();
        // Each of the workers may always take its share.
        return count <= 6;
      },
      was: false,
      is: true,
    },
  ),
];

export const resourceCases: readonly FieldCase[] = [
  {
    proves: ['Resource.node_groups'],
    key: 'Route/r',
    from: { spec: { match: [{ path: { prefix: '/' } }], service: 's' } },
    to: { spec: { match: [{ path: { prefix: '/' } }], service: 's' }, nodeGroups: ['elsewhere'] },
    observe: async ({ ask }) => (await ask()).status,
    was: 200,
    is: 404,
  },
];
