import type { ConnectRouter } from '@connectrpc/connect';
import { RegistryService } from '@sluice/proto';
import {
  deregisterInstance,
  heartbeat,
  listInstances,
  type RegistryContext,
  registerInstance,
} from '../registry/index.ts';
import { answerOf } from './errors.ts';

/** Instances of services. `author` is who the audit says made a change. */
export function addRegistryService(router: ConnectRouter, context: RegistryContext, author: string): void {
  router.service(RegistryService, {
    registerInstance: async (request) => answerOf(await registerInstance(context, request, author)),
    heartbeat: async (request) => answerOf(await heartbeat(context, request)),
    deregisterInstance: async (request) => answerOf(await deregisterInstance(context, request, author)),
    listInstances: async (request) => answerOf(await listInstances(context, request)),
  });
}
