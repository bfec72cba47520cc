import type { Writable } from 'node:stream';
import type { Handler } from './load-handler.ts';

const streaming = Symbol('streaming');

/** The global `awslambda` of Lambda's Node runtime. A handler uses it to stream its answer. */
export const streamingApi = {
  streamifyResponse(handler: Handler): Handler {
    return Object.assign(handler, { [streaming]: true });
  },
  HttpResponseStream: {
    /** Writes the prelude of the HTTP integration: JSON, then eight zero bytes. */
    from(stream: Writable, prelude: unknown): Writable {
      stream.write(JSON.stringify(prelude));
      stream.write(new Uint8Array(8));
      return stream;
    },
  },
};

/** True if the handler was passed to `awslambda.streamifyResponse`. */
export function isStreaming(handler: Handler): boolean {
  return streaming in handler;
}
