import type { Notice } from './store.ts';

const tracks = { config: 1, facts: 2 } as const;

/** Says that something else happened: look. */
export const otherNotification = '0 0';

/** What is sent to other replicas: two numbers, never content. */
export function writeNotification(notice: Notice): string {
  switch (notice.kind) {
    case 'moved':
      return `${tracks[notice.track]} ${notice.revision}`;
    case 'issued':
      return '3 0';
    case 'answered':
      return '4 0';
    default:
      return notice satisfies never;
  }
}

/** Undefined: nothing is known but that something was written. */
export function readNotification(payload: string): Notice | undefined {
  const [, topic, revision] = /^([1-4]) (\d{1,15})$/.exec(payload) ?? [];
  switch (topic) {
    case '1':
      return { kind: 'moved', track: 'config', revision: Number(revision) };
    case '2':
      return { kind: 'moved', track: 'facts', revision: Number(revision) };
    case '3':
      return { kind: 'issued' };
    case '4':
      return { kind: 'answered' };
    default:
      return undefined;
  }
}
