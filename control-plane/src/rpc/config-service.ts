import type { ConnectRouter } from '@connectrpc/connect';
import { ConfigService } from '@sluice/proto';
import {
  applyResources,
  type ControlContext,
  deleteResources,
  diffResourcesWithCurrent,
  exportResources,
  getResource,
  getRevision,
  listHistory,
  listResources,
  rollBack,
} from '../config/index.ts';
import { answerOf } from './errors.ts';

/** The configuration and its history. `author` is who the history says made a change. */
export function addConfigService(router: ConnectRouter, context: ControlContext, author: string): void {
  router.service(ConfigService, {
    apply: async (request) => answerOf(await applyResources(context, request, author)),
    delete: async (request) => answerOf(await deleteResources(context, request, author)),
    diff: async (request) => answerOf(await diffResourcesWithCurrent(context, request)),
    get: async (request) => answerOf(await getResource(context, request)),
    list: async (request) => answerOf(await listResources(context, request)),
    export: async (request) => answerOf(await exportResources(context, request)),
    history: async (request) => answerOf(await listHistory(context, request)),
    getRevision: async (request) => answerOf(await getRevision(context, request)),
    rollback: async (request) => answerOf(await rollBack(context, request, author)),
  });
}
