import { createStopwatch } from '../../edge/deadline.ts';
import { openCallerEnd } from './caller-end.ts';

/** Lambda has the whole buffered answer before it sends the first byte, so a pause of this length is a fault. */
export const MAX_BODY_STALL_MS = 20_000;
/** Bytes per read of an answer of known length. Larger pieces need fewer reads. */
const PIECE_BYTES = 256 * 1024;

/** How a buffered answer ended. */
export interface BodyEnd {
  readonly complete: boolean;
  readonly callerLeft: boolean;
  /** Bytes that Lambda sent. */
  readonly bytes: number;
}

export interface PassBodyOptions {
  /** Length of the answer in bytes, if known. */
  readonly length?: number | undefined;
  /** Aborted when the caller resets its connection. */
  readonly left?: AbortSignal | undefined;
  readonly maxStallMs?: number;
}

/**
 * Passes a buffered answer on. Lambda answers only after the function has ended. So when the caller leaves, there is nothing
 * more to observe, and the connection to Lambda is closed.
 */
export function passBody(
  upstream: ReadableStream,
  { length, left, maxStallMs = MAX_BODY_STALL_MS }: PassBodyOptions,
): { readonly readable: ReadableStream; readonly ended: Promise<BodyEnd> } {
  const caller = openCallerEnd(left, length);
  const source = length === undefined ? readAsItComes(upstream) : readWhole(upstream);
  const pump = async (): Promise<BodyEnd> => {
    const stopwatch = createStopwatch();
    let bytes = 0;
    const end = (complete: boolean) => ({ complete, callerLeft: !caller.isThere, bytes });
    try {
      while (caller.isThere) {
        const piece = await stopwatch.within(maxStallMs, source.read());
        if (!piece) {
          await caller.close();
          return end(caller.isThere);
        }
        bytes += piece.byteLength;
        await caller.write(piece);
      }
      source.cancel();
      return end(false);
    } catch {
      caller.breakOff();
      source.cancel();
      return end(false);
    } finally {
      stopwatch.stop();
    }
  };
  return { readable: caller.readable, ended: pump() };
}

interface Source {
  /** The next piece, valid until the next `read`. Undefined at the end. */
  read(): Promise<Uint8Array | undefined>;
  cancel(): void;
}

function readWhole(stream: ReadableStream): Source {
  const reader = stream.getReader({ mode: 'byob' });
  let buffer = new ArrayBuffer(PIECE_BYTES);
  return {
    async read() {
      const { value } = await reader.readAtLeast(PIECE_BYTES, new Uint8Array(buffer));
      if (value === undefined || value.byteLength === 0) return undefined;
      buffer = value.buffer as ArrayBuffer; // the piece has been written by the time its buffer is filled again
      return value;
    },
    cancel: () => void reader.cancel().catch(() => {}),
  };
}

function readAsItComes(stream: ReadableStream): Source {
  const reader = stream.getReader();
  return {
    read: async () => (await reader.read()).value as Uint8Array | undefined,
    cancel: () => void reader.cancel().catch(() => {}),
  };
}
