import { SyncService } from '@sluice/proto';
import { createGrpcClient } from '@sluice/proto/grpc-client';

/** A node in a process of its own, for tests that stop the process: says Hello and acks nothing. Arguments: address, id. */
const [address = '', nodeId = ''] = process.argv.slice(2);
const call = createGrpcClient(SyncService, address).watch();
call.on('error', () => undefined);
call.on('data', ({ message }) => {
  if (message.case === 'welcome') process.stdout.write('welcome\n');
});
call.write({ message: { case: 'hello', value: { nodeId, group: 'default', protocol: 1, workers: 1 } } });
setInterval(() => call.write({ message: { case: 'status', value: { workers: 1 } } }), 50);
