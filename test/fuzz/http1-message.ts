/** One HTTP/1 message as a recipient understood it. Text is latin1: a character a byte. */
export interface Message {
  /** `GET /x 1.1` or `200 1.1`. */
  readonly start: string;
  /** name, value, name, value, ... as received. */
  readonly headers: readonly string[];
  readonly body: string;
}

/** How a recipient read a whole connection, from its first byte to its end. */
export interface Reading {
  /** The messages that were complete, in order. */
  readonly messages: readonly Message[];
  /** Every byte belonged to a complete message. */
  readonly clean: boolean;
  /** Why it is not clean; for people. */
  readonly why: string;
}

/**
 * What must hold between a strict recipient and a reference: it reads no message that the reference does not read just
 * so, and where it finds nothing wrong, neither does the reference. Null where that holds, else what differs.
 */
export function disagreement(strict: Reading, reference: Reading): string | null {
  for (const [i, message] of strict.messages.entries()) {
    const other = reference.messages[i];
    if (other === undefined) return `message ${i + 1} was accepted: ${JSON.stringify(message)}`;
    if (JSON.stringify(message) !== JSON.stringify(other)) {
      return `message ${i + 1} was read as ${JSON.stringify(message)} and by the reference as ${JSON.stringify(other)}`;
    }
  }
  if (!strict.clean) return null;
  if (!reference.clean) return `accepted, where the reference says: ${reference.why}`;
  const missing = reference.messages.length - strict.messages.length;
  return missing === 0 ? null : `accepted with ${missing} messages fewer than the reference read`;
}
