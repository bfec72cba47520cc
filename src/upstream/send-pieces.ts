import { createStopwatch, TimeoutError } from '../edge/deadline.ts';

/**
 * Bytes that go to the runtime at once. Larger pieces cost less CPU, above all when many uploads run at the same time.
 * Smaller pieces are freed sooner, and a slow connection can take each of them within `MAX_STALL_MS`.
 */
const PIECE_BYTES = 1024 * 1024;
/**
 * Maximum bytes of the last piece, which starts the function. The last piece is short so that the runtime takes it at
 * once.
 */
const LAST_PIECE_BYTES = 16 * 1024;
/** Lambda immediately reads what it is sent. A piece that is not taken for this long ends the upload. */
const MAX_STALL_MS = 30_000;

/** A payload on its way to Lambda, piece by piece. */
export interface PiecewiseBody {
  /** The body of the request. Its length is known, so the request has `Content-Length`. */
  readonly readable: ReadableStream;
  /**
   * True once the runtime has been given the last piece, so Lambda may have the whole payload. While `handedOver` is
   * false, no function can have started: Lambda runs nothing before the payload is complete and its hash matches the
   * signature.
   */
  readonly handedOver: boolean;
  /** Stops sending pieces. `handedOver` does not change afterwards. */
  stop(): void;
  /** Resolves when sending has ended and the payload's memory is free. Never rejects. */
  readonly ended: Promise<void>;
}

export interface SendPiecesOptions {
  /**
   * Called with the number of bytes that the runtime has taken. The numbers add up to the payload's length, even if
   * sending fails.
   */
  readonly onSent: (bytes: number) => void;
  /** Called after Lambda has taken nothing for `maxStallMs` and the upload has been stopped. */
  readonly onStall: () => void;
  readonly maxStallMs?: number;
}

/**
 * Feeds a payload to the runtime in at least two pieces. Takes over the payload's buffer, so that every other view of
 * the buffer becomes empty. The memory of the buffer is freed when the last piece has been taken, while Lambda is still
 * working.
 */
export function sendPieces(
  payload: Uint8Array<ArrayBuffer>,
  { onSent, onStall, maxStallMs = MAX_STALL_MS }: SendPiecesOptions,
): PiecewiseBody {
  const { byteLength, byteOffset } = payload;
  const { readable, writable } = new FixedLengthStream(byteLength);
  const writer = writable.getWriter();
  const lastAt = byteLength - Math.min(LAST_PIECE_BYTES, Math.ceil(byteLength / 2));
  let handedOver = false;
  let stopped = false;
  const stop = () => {
    if (stopped) return;
    stopped = true;
    // Aborting also ends a pending write.
    void writer.abort().catch(() => {});
  };

  const pump = async (buffer: ArrayBuffer) => {
    const stopwatch = createStopwatch();
    let sent = 0;
    try {
      while (sent < byteLength && !stopped) {
        handedOver = sent === lastAt;
        const end = handedOver ? byteLength : Math.min(sent + PIECE_BYTES, lastAt);
        const piece = new Uint8Array(buffer, byteOffset + sent, end - sent);
        await stopwatch.within(maxStallMs, writer.write(piece));
        sent += piece.byteLength;
        onSent(piece.byteLength);
      }
      if (!stopped) await writer.close();
    } catch (error) {
      const stalls = !stopped && error instanceof TimeoutError; // if the connection is gone, `fetch` reports the loss
      stop();
      if (stalls) onStall();
    } finally {
      stopwatch.stop();
      buffer.transfer(0);
      if (sent < byteLength) onSent(byteLength - sent);
    }
  };
  const ended = pump(payload.buffer.transfer());
  return {
    readable,
    get handedOver() {
      return handedOver;
    },
    stop,
    ended,
  };
}
