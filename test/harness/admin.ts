import { parseManifests } from '@sluice/engine/manifest';
import {
  type ApplyResponse,
  ConfigService,
  FleetService,
  KeyService,
  RegistryService,
  TokenService,
} from '@sluice/proto';
import { createGrpcClient, type GrpcClient } from '@sluice/proto/grpc-client';

/** The admin API of a control plane, for tests that make many changes; `gatewayctl` is a process each time. */
export type Admin = Disposable & {
  readonly config: GrpcClient<typeof ConfigService>;
  readonly keys: GrpcClient<typeof KeyService>;
  readonly tokens: GrpcClient<typeof TokenService>;
  readonly registry: GrpcClient<typeof RegistryService>;
  readonly fleet: GrpcClient<typeof FleetService>;
  /** Applies manifests and returns the answer. Throws where they do not parse, or RpcError. */
  readonly apply: (manifest: string) => Promise<ApplyResponse>;
  /** As `apply`, and waits until the revision is active on every connected node. Returns the revision. */
  readonly applyActive: (manifest: string) => Promise<number>;
  readonly waitUntilActive: (revision: bigint) => Promise<void>;
  /** Makes a key and returns its secret. */
  readonly createKey: (name: string, consumer: string) => Promise<string>;
};

export function connectAdmin(controlPlane: { readonly url: string; readonly token?: string | undefined }): Admin {
  const options = controlPlane.token === undefined ? {} : { token: controlPlane.token };
  const config = createGrpcClient(ConfigService, controlPlane.url, options);
  const keys = createGrpcClient(KeyService, controlPlane.url, options);
  const tokens = createGrpcClient(TokenService, controlPlane.url, options);
  const registry = createGrpcClient(RegistryService, controlPlane.url, options);
  const fleet = createGrpcClient(FleetService, controlPlane.url, options);
  const self: Admin = {
    config,
    keys,
    tokens,
    registry,
    fleet,
    apply: (manifest) => config.apply({ resources: readManifests(manifest) }),
    async applyActive(manifest) {
      const { revision } = await self.apply(manifest);
      await self.waitUntilActive(revision);
      return Number(revision);
    },
    async waitUntilActive(revision) {
      let last: { done: boolean; waiting: readonly unknown[] } | undefined;
      for await (const progress of fleet.waitForRevision({ revision, timeout: { seconds: 60n } })) last = progress;
      if (!last?.done)
        throw new Error(
          `revision ${revision} is not active: ${JSON.stringify(last, (_, value) => (typeof value === 'bigint' ? String(value) : value))}`,
        );
    },
    async createKey(name, consumer) {
      return (await keys.createKey({ name, consumer })).secret;
    },
    [Symbol.dispose]() {
      for (const client of [config, keys, tokens, registry, fleet]) client.close();
    },
  };
  return self;
}

export function readManifests(manifest: string) {
  const { documents, problems } = parseManifests(manifest, { file: 'test' });
  if (problems.length > 0)
    throw new Error(problems.map(({ line, field, message }) => `${line}: ${field}: ${message}`).join('\n'));
  return documents.map(({ resource }) => resource);
}
