import { type RunningNode, startNode } from './node/node.ts';
import { parseSettings } from './node/settings.ts';
import { StartError } from './node/start-error.ts';

// Whoever reads the logs may go, or their disk be full; the traffic goes on.
process.stdout.on('error', () => undefined);

const parsed = parseSettings(process.argv.slice(2));
if (parsed.kind === 'exit') {
  (parsed.exitCode === 0 ? process.stdout : process.stderr).write(parsed.text);
  process.exit(parsed.exitCode);
}

let node: RunningNode;
try {
  node = await startNode(parsed.settings);
} catch (error) {
  if (!(error instanceof StartError)) throw error;
  process.stderr.write(`sluice-node: ${error.message}\n`);
  process.exit(1);
}
process.stdout.write(
  `serving ${node.listening.join(' ')}\nadmin on http://${node.admin.host}:${node.admin.port}${node.admin.waits ? ', once the process before lets go of it' : ''}\n`,
);

process.on('SIGUSR2', () => void node.replaceWorkers());

let stopping = false;
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    if (stopping) process.exit(1);
    stopping = true;
    void node.stop().then(() => process.exit(0));
  });
}
