import { randomUUID } from 'node:crypto';
import type { Append, StoreHead, TrackName } from '@sluice/control-plane';
import { hashItem } from '@sluice/engine';

/** Contents by `Kind/name`; undefined removes. */
export type Contents = Readonly<Record<string, string | undefined>>;

/** An append of the next revision after `head`, with what a test does not care about filled in. */
export function newAppend(
  head: StoreHead,
  contents: Contents,
  rest: Partial<Append> & { track?: TrackName; author?: string } = {},
): Append {
  const { track = 'config', author = 'test', ...overrides } = rest;
  const versions = Object.entries(contents).map(([key, text]) => {
    const [kind = '', name = ''] = key.split('/');
    const content = text === undefined ? undefined : new Uint8Array(Buffer.from(text));
    return { kind, name, content, hash: content && hashItem(kind, name, content), nodeGroups: [] };
  });
  return {
    track,
    expected: { historyId: head.historyId, revision: head[track] },
    writeId: randomUUID(),
    revision: {
      createdAt: new Date(),
      author,
      message: '',
      digest: new Uint8Array(32),
      created: versions.length,
      updated: 0,
      deleted: 0,
      rollbackOf: 0,
      forced: false,
    },
    versions,
    secrets: [],
    audit: [],
    answer: undefined,
    ...overrides,
  };
}
