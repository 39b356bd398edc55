/**
 * HTTP/1.1 messages as bytes, for both sides of a proxy: strict, without I/O (RFC 9110, RFC 9112).
 *
 * A connection has one head reader. `read(chunk, offset)` gives a head, a refusal or undefined (more bytes are needed);
 * the body then starts at `reader.end` of that chunk and goes, by `head.body`, through `LengthBody` or `ChunkedDecoder`,
 * whose end is where the next head begins. `HeadWriter` writes what is passed on. HOP_BY_HOP leaves out Content-Length
 * and Transfer-Encoding: whoever forwards writes the framing it uses (`contentLength`, `chunked`), also the length of an
 * answer to HEAD or a 304, which is in `head.contentLength`.
 */
export { ChunkedDecoder, type ChunkedStep } from './chunked-decoder.ts';
export { CHUNK_END, CHUNKED_END, chunkHeader, type Relayed, readChunked, relayChunked } from './chunked-relay.ts';
export { type FieldList, fieldValue, joinedFieldValue, namedFieldValue } from './field-list.ts';
export type { BodyKind, Framing } from './framing.ts';
export type { HeadLimits } from './head-reader.ts';
export {
  dropTable,
  type FieldText,
  fieldLine,
  fieldLines,
  HeadWriter,
  HOP_BY_HOP,
  REQUEST_DROP,
  RESPONSE_DROP,
  withBody,
} from './head-writer.ts';
export { detached, HEADER_ID_COUNT, HeaderId, headerIdOf, plainName } from './header-id.ts';
export { type Host, parseHost } from './host.ts';
export { latin1 } from './latin1.ts';
export { LengthBody } from './length-body.ts';
export { type Refusal, type RefusalCode, refuse } from './refusal.ts';
export {
  createRequestHeadReader,
  REQUEST_HEAD_LIMITS,
  type RequestHead,
  type RequestHeadReader,
} from './request-head.ts';
export { RESPONSE_HEAD_LIMITS, type ResponseHead, ResponseHeadReader } from './response-head.ts';
export type { Trailers } from './trailer-section.ts';
