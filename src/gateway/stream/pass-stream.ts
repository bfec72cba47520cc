import { createStopwatch, TimeoutError } from '../../edge/deadline.ts';
import { UPSTREAM_TIMEOUT_MS } from '../../upstream/send.ts';
import { openCallerEnd } from './caller-end.ts';
import { BROKEN_OFF } from './event-stream.ts';
import type { StreamFormat } from './formats.ts';

/** How a response stream ended. */
export interface StreamEnd {
  /** True if Lambda's stream ended normally and in full. */
  readonly complete: boolean;
  /** True if the function can no longer be running. */
  readonly functionEnded: boolean;
  readonly callerLeft: boolean;
  /** Bytes that Lambda sent. */
  readonly bytes: number;
  /** The error code at the end of the stream, if the function failed. */
  readonly functionError: string | undefined;
}

/** A stream on its way to the caller. */
export interface PassedStream {
  readonly readable: ReadableStream;
  /** Resolves when Lambda's stream has ended. Never rejects. */
  readonly ended: Promise<StreamEnd>;
}

export interface PassStreamOptions {
  /** Aborted when the caller resets its connection. */
  readonly left?: AbortSignal | undefined;
  /** Silence of this length is a fault. Default: a little longer than a function may run. */
  readonly maxSilenceMs?: number;
}

const PIECE_BYTES = 64 * 1024;

/**
 * Passes a response stream on in the caller's format, each piece as it arrives. Lambda's stream is read only as fast as the
 * caller reads, into one buffer. If Lambda's stream breaks off, the caller's stream ends with the service's own kind of
 * error. If the format has no place for an error, the caller's stream breaks off too. When the caller leaves, the rest is
 * read and discarded, because the function runs on and its end must be observed.
 */
export function passStream(
  upstream: ReadableStream,
  format: StreamFormat,
  { left, maxSilenceMs = UPSTREAM_TIMEOUT_MS }: PassStreamOptions = {},
): PassedStream {
  const caller = openCallerEnd(left);
  const reader = upstream.getReader({ mode: 'byob' });
  const stopwatch = createStopwatch();
  let bytes = 0;
  const end = (complete: boolean, functionEnded: boolean): StreamEnd => {
    stopwatch.stop();
    return { complete, functionEnded, callerLeft: !caller.isThere, bytes, functionError: format.errorCode };
  };

  const pump = async () => {
    try {
      for (let buffer = new ArrayBuffer(PIECE_BYTES); ; ) {
        const { value, done } = await stopwatch.within(maxSilenceMs, reader.read(new Uint8Array(buffer)));
        if (value === undefined || done) break;
        bytes += value.byteLength;
        for (const piece of format.write(value)) await caller.write(piece);
        // A written buffer can be filled again. But if the caller has left, the runtime may still use the buffer.
        buffer = caller.isThere ? (value.buffer as ArrayBuffer) : new ArrayBuffer(PIECE_BYTES);
      }
      if (!format.completed) throw new Error('the stream ended before it was complete');
      await caller.close();
      return end(true, true);
    } catch (error) {
      reader.cancel().catch(() => {});
      const ending = format.completed ? undefined : endingOf(format);
      if (ending) {
        await caller.write(ending);
        await caller.close();
      } else caller.breakOff();
      // If the service itself ended the stream with an error, the function is over, even if the format can only break off.
      return end(false, error instanceof TimeoutError || format.errorCode !== undefined);
    }
  };
  return { readable: caller.readable, ended: pump() };
}

function endingOf(format: StreamFormat): Uint8Array | undefined {
  try {
    return format.breakOff(BROKEN_OFF);
  } catch {
    return undefined;
  }
}
