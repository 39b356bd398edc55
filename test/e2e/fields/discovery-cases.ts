import { waitFor } from '../../harness/wait-for.ts';
import type { FieldCase, Spec, World } from './field-case.ts';

const dns = (name: string, more: Spec = {}): Spec => ({ discovery: { dns: { name, ...more } } });

/** Which origin answers, once DNS was asked. */
const answeredBy = async ({ ask, settled }: World): Promise<string | undefined> => {
  await settled();
  return (await ask()).header('x-origin');
};

/** Whether the name of the service `s` is asked for again while that of another that is asked for each second is, some times. */
async function isAskedForAgain({ dns: server, settled }: World): Promise<boolean> {
  await settled();
  const asked = (name: string): number =>
    server.questions.filter((question) => question.name === name && question.type === 'A').length;
  const [own, other] = [asked('slow.test'), asked('metronome.test')];
  await waitFor('the other name is asked for', () => asked('metronome.test') > other + 1);
  return asked('slow.test') > own;
}

export const discoveryCases: readonly FieldCase[] = [
  {
    proves: ['Service.discovery', 'Discovery.dns'],
    key: 'Service/s',
    from: { spec: { endpoints: [{ address: 'ORIGIN' }] } },
    to: { spec: dns('a.test', { port: 'OTHER_PORT' }) },
    observe: answeredBy,
    was: 'main',
    is: 'other',
  },
  {
    proves: ['DnsDiscovery.name'],
    key: 'Service/s',
    from: { spec: dns('_main._tcp.test') },
    to: { spec: dns('_other._tcp.test') },
    observe: answeredBy,
    was: 'main',
    is: 'other',
  },
  {
    proves: ['DnsDiscovery.port'],
    key: 'Service/s',
    from: { spec: dns('_main._tcp.test') },
    to: { spec: dns('_main._tcp.test', { port: 'OTHER_PORT' }) },
    observe: answeredBy,
    was: 'main',
    is: 'other',
  },
  {
    proves: ['DnsDiscovery.refresh'],
    key: 'Service/s',
    from: { spec: dns('slow.test', { port: 'ORIGIN_PORT' }) },
    to: { spec: dns('slow.test', { port: 'ORIGIN_PORT', refresh: '1s' }) },
    others: { 'Service/metronome': { spec: dns('metronome.test', { port: 'ORIGIN_PORT', refresh: '1s' }) } },
    observe: isAskedForAgain,
    was: false,
    is: true,
  },
  {
    proves: ['Discovery.registry'],
    key: 'Service/s',
    from: { spec: { endpoints: [{ address: 'ORIGIN' }] } },
    to: { spec: { discovery: { registry: {} } } },
    observe: async ({ admin, other, ask }) => {
      const instance = { service: 's', address: other.address };
      // Refused where its instances do not register.
      await admin.registry.registerInstance({ instance }).catch(() => undefined);
      let answered: string | undefined;
      await waitFor('it answers', async () => {
        answered = (await ask()).header('x-origin');
        return answered;
      });
      return answered;
    },
    was: 'main',
    is: 'other',
  },
  {
    proves: ['RegistryDiscovery.ttl'],
    key: 'Service/s',
    from: { spec: { discovery: { registry: { ttl: '1s' } } } },
    to: { spec: { discovery: { registry: { ttl: '1h' } } } },
    others: { 'Service/brief': { spec: { discovery: { registry: { ttl: '1s' } } } } },
    observe: async ({ admin, origin }) => {
      const { address } = origin;
      await admin.registry.registerInstance({ instance: { service: 's', address } });
      await admin.registry.registerInstance({ instance: { service: 'brief', address } });
      const { instances } = await waitFor('that of the other service is gone', async () => {
        const listed = await admin.registry.listInstances({});
        return listed.instances.every(({ service }) => service !== 'brief') && listed;
      });
      return instances.filter((each) => each.service === 's' && each.address === address).length;
    },
    was: 0,
    is: 1,
  },
];
