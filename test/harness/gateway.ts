import { type Admin, connectAdmin } from './admin.ts';
import { type ControlPlane, type ControlPlaneOptions, startControlPlane } from './control-plane.ts';
import { type Node, type NodeOptions, startNode } from './node.ts';

export type Gateway = AsyncDisposable & {
  readonly controlPlane: ControlPlane;
  readonly admin: Admin;
  readonly node: Node;
};

export type GatewayOptions = {
  /** Applied before the node starts. */
  readonly manifest: string;
  readonly controlPlane?: ControlPlaneOptions;
  readonly node?: Omit<NodeOptions, 'controlPlane'>;
};

/** All requests go to one service `s` at this address; the route says this, too. */
export function forwardAll(address: string, route: Readonly<Record<string, unknown>> = {}): string {
  const spec = { match: [{ path: { prefix: '/' } }], service: 's', ...route };
  return `kind: Service
name: s
spec: { endpoints: [{ address: "${address}" }] }
---
kind: Route
name: all
spec: ${JSON.stringify(spec)}
`;
}

/** The node's own listener, with these limits. */
export function listener(limits: Readonly<Record<string, number | string>>): string {
  return `kind: Listener\nname: http\nspec: { address: "127.0.0.1:80", limits: ${JSON.stringify(limits)} }\n`;
}

/** Starts a control plane with a configuration, and one node that serves it. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  await using stack = new AsyncDisposableStack();
  const controlPlane = stack.use(await startControlPlane(options.controlPlane));
  const admin = stack.use(connectAdmin(controlPlane));
  await admin.apply(options.manifest);
  const node = stack.use(await startNode({ controlPlane: controlPlane.url, ...options.node }));
  const owned = stack.move();
  return { controlPlane, admin, node, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** The sum of a metric's samples of a node whose labels hold all of the given text. */
export async function readMetric(node: Node, name: string, labels = ''): Promise<number> {
  const { body } = await node.admin('/__metrics');
  return body
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => line.includes(labels))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}
