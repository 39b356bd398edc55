/** What a test compares of a problem answer. */
export interface SeenProblem {
  readonly status: number;
  readonly code: string;
  readonly proxyStatus: string;
}

/** Reads an answer that is to be a problem, checking what all problems have in common. */
export function problemOf({ head, body }: { readonly head: string; readonly body: string }): SeenProblem {
  const problem = JSON.parse(body) as Record<string, unknown>;
  const status = Number(head.slice(9, 12));
  const [, id = ''] = /x-request-id: (\S+)/.exec(head) ?? [];
  const [, error = ''] = /proxy-status: sluice; error=(\w+)/.exec(head) ?? [];
  const whole =
    head.includes('content-type: application/problem+json\r\n') && problem.status === status && problem.instance === id;
  if (!whole || typeof problem.title !== 'string' || typeof problem.detail !== 'string') {
    throw new Error(`not a whole problem: ${head}${body}`);
  }
  return { status, code: String(problem.type).replace('urn:sluice:problem:', ''), proxyStatus: error };
}
