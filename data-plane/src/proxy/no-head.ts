import type { RequestHead } from '../http1/index.ts';

/** Stands for the request while there is none, or none that could be read: nothing may follow it. */
export const NO_HEAD: RequestHead = {
  ok: true,
  method: '',
  target: '',
  path: '',
  form: 'origin',
  scheme: '',
  minor: 1,
  headers: [],
  ids: [],
  text: '',
  lines: [],
  host: null,
  body: 'none',
  contentLength: -1,
  chunked: false,
  closeAsked: true,
  keepAliveAsked: false,
  connectionTokens: null,
  upgradeAsked: false,
  keepAlive: false,
  expectContinue: false,
  upgrade: null,
  trailersAccepted: false,
  maxForwards: -1,
};
