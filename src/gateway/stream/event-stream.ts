import { EventStreamCodec } from '@smithy/core/event-streams';

const utf8 = new TextEncoder();
const codec = new EventStreamCodec(
  (bytes) => new TextDecoder().decode(bytes as Uint8Array),
  (text) => utf8.encode(text),
);

/** The content type of InvokeWithResponseStream's answer. */
export const EVENT_STREAM = 'application/vnd.amazon.eventstream';
/** The same type in any letter case, with or without parameters. Neither changes its meaning (RFC 9110, 8.3.1). */
const EVENT_STREAM_SPELLED = /^application\/vnd\.amazon\.eventstream\s*(?:;|$)/i;

/**
 * True if an answer of this content type is a response stream. If a response stream were treated as a payload, nothing in
 * the stream would be hidden.
 */
export const isEventStream = (contentType: string | undefined): boolean =>
  contentType !== undefined && (contentType === EVENT_STREAM || EVENT_STREAM_SPELLED.test(contentType));

/** The service's report on how a stream ended. Without an error code, the function succeeded. */
export interface InvokeComplete {
  readonly ErrorCode?: string;
  readonly ErrorDetails?: string;
  readonly LogResult?: string;
}

/** One event of the stream. */
export type StreamEvent =
  | { readonly type: 'chunk'; readonly payload: Uint8Array; readonly frame: Uint8Array }
  | { readonly type: 'complete'; readonly complete: InvokeComplete }
  | { readonly type: 'other'; readonly message: EventMessage };

/** A decoded frame. */
export type EventMessage = ReturnType<typeof codec.decode>;

/** Encodes a frame with its lengths and checksums. */
export const encodeMessage = (message: EventMessage): Uint8Array => codec.encode(message);

/** The last frame that we write if Lambda's stream breaks off. The protocol has no other way to report an early end. */
export const BROKEN_OFF: InvokeComplete = {
  ErrorCode: 'ServiceException',
  ErrorDetails: 'The connection to Lambda was lost. The function may have run on.',
};

/** Encodes an InvokeComplete in the same frame as the service does. */
export const encodeComplete = (complete: InvokeComplete): Uint8Array =>
  codec.encode({
    headers: {
      ':event-type': { type: 'string', value: 'InvokeComplete' },
      ':content-type': { type: 'string', value: 'application/json' },
      ':message-type': { type: 'string', value: 'event' },
    },
    body: utf8.encode(JSON.stringify(complete)),
  });

/** Maximum length of a frame. Even Lambda's largest whole answer is much shorter. */
const MAX_FRAME_BYTES = 24 * 1024 * 1024;

/** Length of the shortest frame, which has only a prelude and the CRC of the message. */
const MIN_FRAME_BYTES = 16;

/**
 * Reads events from a stream's bytes. Holds at most one incomplete frame. After each call, the input buffer may be reused,
 * which invalidates the payloads that the call returned. Throws if the bytes are not an event stream.
 */
export function createEventReader(): (bytes: Uint8Array) => StreamEvent[] {
  let pieces: Uint8Array[] = []; // the bytes of the incomplete frame
  let heldBytes = 0;
  let wantedBytes = 4; // a frame begins with its length

  return (bytes) => {
    pieces.push(bytes);
    heldBytes += bytes.length;
    const events: StreamEvent[] = [];
    while (heldBytes >= wantedBytes) {
      const joined = join(pieces, heldBytes);
      const length = new DataView(joined.buffer, joined.byteOffset).getUint32(0);
      if (length < MIN_FRAME_BYTES || length > MAX_FRAME_BYTES) throw new Error('not an event stream');
      const whole = heldBytes >= length;
      if (whole) {
        events.push(decodeEvent(joined.subarray(0, length)));
      }
      const rest = whole ? joined.subarray(length) : joined;
      pieces = [rest];
      heldBytes = rest.length;
      wantedBytes = whole ? 4 : length;
    }
    const open = pieces.at(-1);
    if (open) pieces[pieces.length - 1] = open.slice();
    return events;
  };
}

function join(pieces: readonly Uint8Array[], bytes: number): Uint8Array {
  const [first] = pieces;
  if (first && pieces.length === 1) return first;
  const joined = new Uint8Array(bytes);
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}

function decodeEvent(frame: Uint8Array): StreamEvent {
  const message = codec.decode(frame);
  const { headers, body } = message;
  switch (headers[':event-type']?.value) {
    case 'PayloadChunk':
      return { type: 'chunk', payload: body, frame };
    case 'InvokeComplete':
      return { type: 'complete', complete: parseComplete(body) };
    default:
      return { type: 'other', message };
  }
}

function parseComplete(body: Uint8Array): InvokeComplete {
  const value: unknown = JSON.parse(new TextDecoder().decode(body));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('not an InvokeComplete');
  return value;
}
