import type { Writable } from 'node:stream';
import { EventStreamCodec } from '@smithy/eventstream-codec';
import type { ErrorDocument } from './execution/protocol.ts';

/** Writes the frames of a streamed answer (API model of InvokeWithResponseStream) at the pace of the caller. */
export interface EventStream {
  /** Writes a `PayloadChunk`. Resolves when the caller can take more or has disconnected. */
  chunk(bytes: Uint8Array): Promise<void>;
  /** Writes the last frame, `InvokeComplete`, and ends the answer. */
  complete(error: ErrorDocument | undefined, logTail: string | undefined): void;
}

const codec = new EventStreamCodec(
  (bytes) => Buffer.from(bytes).toString(),
  (text) => Buffer.from(text),
);

/** Opens the event stream of an answer. Write the answer's head before the first frame. */
export function openEventStream(caller: Writable): EventStream {
  return {
    async chunk(bytes) {
      if (caller.destroyed || caller.write(frame('PayloadChunk', 'application/octet-stream', bytes))) return;
      await new Promise<void>((resolve) => {
        const goOn = () => {
          caller.off('drain', goOn).off('close', goOn);
          resolve();
        };
        caller.on('drain', goOn).on('close', goOn);
      });
    },
    complete(error, logTail) {
      // The status is already sent, so the error goes into this frame. Clients read `ErrorCode` and the JSON `ErrorDetails`.
      const failure = error && { ErrorCode: 'Unhandled', ErrorDetails: JSON.stringify(error) };
      const body = JSON.stringify({ ...failure, LogResult: logTail });
      caller.end(frame('InvokeComplete', 'application/json', Buffer.from(body)));
    },
  };
}

function frame(eventType: string, contentType: string, body: Uint8Array): Uint8Array {
  return codec.encode({
    headers: {
      ':event-type': { type: 'string', value: eventType },
      ':content-type': { type: 'string', value: contentType },
      ':message-type': { type: 'string', value: 'event' },
    },
    body,
  });
}
