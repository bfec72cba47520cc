import type { Writable } from 'node:stream';
import { EventStreamCodec } from '@smithy/eventstream-codec';
import type { ErrorDocument } from './execution/protocol.ts';

/** The frames of a streamed answer (API model of InvokeWithResponseStream), written to a caller at its own pace. */
export interface EventStream {
  /** Writes a `PayloadChunk`; resolves when the caller can take more, or is gone. */
  chunk(bytes: Uint8Array): Promise<void>;
  /** Writes the last frame, `InvokeComplete`, and ends. */
  complete(error: ErrorDocument | undefined, logTail: string | undefined): void;
}

const codec = new EventStreamCodec(
  (bytes) => Buffer.from(bytes).toString(),
  (text) => Buffer.from(text),
);

/** Opens the frames of an answer whose head is written. */
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
      // The status has been sent, so the error goes here. Clients read the code and the JSON details.
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
