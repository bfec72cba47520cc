import type { Writable } from 'node:stream';
import type { Handler } from './load-handler.ts';

const streaming = Symbol('streaming');

/** The global `awslambda` of Lambda's Node runtime: how a handler asks for a stream to write to. */
export const streamingApi = {
  streamifyResponse(handler: Handler): Handler {
    return Object.assign(handler, { [streaming]: true });
  },
  HttpResponseStream: {
    /** Writes the HTTP integration's prelude: its JSON, then eight zero bytes. */
    from(stream: Writable, prelude: unknown): Writable {
      stream.write(JSON.stringify(prelude));
      stream.write(new Uint8Array(8));
      return stream;
    },
  },
};

/** Whether a handler was given to `awslambda.streamifyResponse`. */
export function isStreaming(handler: Handler): boolean {
  return streaming in handler;
}
