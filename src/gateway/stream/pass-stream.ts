import { BROKEN_OFF } from './event-stream.ts';
import type { StreamFormat } from './formats.ts';

/** A stream on its way to the caller. */
export interface PassedStream {
  readonly readable: ReadableStream;
  /** Resolves when Lambda's stream has ended: whether it did so itself, in full, and its bytes. Never rejects. */
  readonly ended: Promise<{ readonly complete: boolean; readonly bytes: number }>;
}

const PIECE_BYTES = 64 * 1024;

/**
 * Passes a response stream on, piece by piece as it comes, in the caller's format. Lambda is read only as fast as the
 * caller reads, into one buffer. A stream that breaks off is ended as the service ends one, with an error in
 * it, or breaks off too where the format has no place for one.
 */
export function passStream(upstream: ReadableStream, format: StreamFormat): PassedStream {
  const { readable, writable } = new IdentityTransformStream();
  const writer = writable.getWriter();
  let callerIsThere = true;
  const write = async (bytes: Uint8Array) => {
    if (!callerIsThere || bytes.length === 0) return;
    await writer.write(bytes).catch(() => {
      // The function runs on without its caller; its end is still to be seen.
      callerIsThere = false;
    });
  };

  const pump = async () => {
    let bytes = 0;
    try {
      const reader = upstream.getReader({ mode: 'byob' });
      for (let buffer = new ArrayBuffer(PIECE_BYTES); ; ) {
        const { value, done } = await reader.read(new Uint8Array(buffer));
        if (value === undefined || done) break;
        bytes += value.byteLength;
        for (const piece of format.write(value)) await write(piece);
        buffer = value.buffer as ArrayBuffer; // written, so it can be filled again
      }
      if (!format.completed) throw new Error('the stream ended before it was complete');
      await writer.close().catch(() => {});
      return { complete: true, bytes };
    } catch (error) {
      const ending = format.completed ? undefined : endingOf(format);
      if (ending) await write(ending);
      await (ending ? writer.close() : writer.abort(error)).catch(() => {});
      return { complete: false, bytes };
    }
  };
  return { readable, ended: pump() };
}

function endingOf(format: StreamFormat): Uint8Array | undefined {
  try {
    return format.breakOff(BROKEN_OFF);
  } catch {
    return undefined;
  }
}
