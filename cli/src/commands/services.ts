import type { Instance } from '@sluice/proto';
import type { Command } from 'commander';
import { readPages } from '../client/read-pages.ts';
import { type OutputFormat, printList } from '../output/print.ts';
import type { Column } from '../output/table.ts';
import { formatTime } from '../output/time.ts';
import { withControlPlane, withOutput } from './command.ts';
import { addServicesCheck } from './services-check.ts';

export function addServices(program: Command): void {
  const services = program
    .command('services')
    .description('services: how their endpoints stand, and which instances registered');
  addServicesCheck(services);
  withOutput(
    services
      .command('instances')
      .description('the instances that registered, of services with discovery.registry')
      .argument('[service]', 'only those of this one'),
  ).action(async (service: string | undefined, { output }: { output: OutputFormat }, command: Command) => {
    const all = await withControlPlane(command, (client) =>
      readPages(
        (pageToken) => client.registry.listInstances({ service: service ?? '', pageSize: 1000, pageToken }),
        (page) => page.instances,
      ),
    );
    printList(output, all, INSTANCE_COLUMNS, instanceValue);
  });
}

const INSTANCE_COLUMNS: readonly Column<Instance>[] = [
  { title: 'service', value: ({ service }) => service },
  { title: 'address', value: ({ address }) => address },
  { title: 'weight', value: ({ weight }) => String(weight ?? 1) },
  { title: 'zone', value: ({ zone }) => zone },
  { title: 'registered', value: ({ registeredAt }) => formatTime(registeredAt) },
];

function instanceValue({ service, address, weight, zone, registeredAt }: Instance): object {
  return { service, address, weight: weight ?? 1, zone, registeredAt: formatTime(registeredAt) };
}
