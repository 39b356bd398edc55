/** The control plane cannot start. The message is one line, for people, and holds no secret. */
export class StartError extends Error {
  override readonly name = 'StartError';
}
