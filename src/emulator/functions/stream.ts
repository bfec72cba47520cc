import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout } from 'node:timers/promises';

declare const awslambda: { streamifyResponse<T>(handler: T): T };

interface StreamEvent {
  readonly chunks?: number;
  readonly bytes?: number;
  readonly delayMs?: number;
}

/** Streams `event.chunks` chunks of `event.bytes` bytes, `event.delayMs` milliseconds apart. */
export const handler = awslambda.streamifyResponse(async (event: StreamEvent, responseStream: Writable) => {
  await pipeline(chunksOf(event), responseStream);
});

async function* chunksOf({ chunks = 3, bytes = 16, delayMs = 0 }: StreamEvent) {
  const chunk = Buffer.alloc(bytes, 'x');
  for (let sent = 0; sent < chunks; sent++) {
    if (sent > 0 && delayMs > 0) await setTimeout(delayMs);
    yield chunk;
  }
}
