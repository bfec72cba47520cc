import { createStopwatch, TimeoutError } from '../edge/deadline.ts';

/**
 * Bytes that go to the runtime at once. Larger pieces cost less CPU, most of all beside many others; smaller ones are free
 * sooner, and may take longer each (`MAX_STALL_MS`).
 */
const PIECE_BYTES = 1024 * 1024;
/** The last piece, which starts the function, is short: the runtime takes it at once. */
const LAST_PIECE_BYTES = 16 * 1024;
/** Lambda reads what it is sent at once. A piece that is not taken for this long ends the upload. */
const MAX_STALL_MS = 30_000;

/** A payload on its way to Lambda, piece by piece. */
export interface PiecewiseBody {
  /** The request's body. Its length is known, so it goes out with `Content-Length`. */
  readonly readable: ReadableStream;
  /**
   * The runtime was given the last piece, so Lambda may have the whole payload. While this is false, no function can have
   * started: Lambda runs nothing before the payload is complete and its hash matches the signature.
   */
  readonly handedOver: boolean;
  /** Sends no further piece. `handedOver` keeps its value from then on. */
  stop(): void;
  /** Resolves when nothing more is sent and the payload's memory is free. Never rejects. */
  readonly ended: Promise<void>;
}

export interface SendPiecesOptions {
  /** Called with the number of bytes that the runtime has taken. All calls add up to the payload, whatever happens to it. */
  readonly onSent: (bytes: number) => void;
  /** Called when Lambda takes nothing for `maxStallMs`. The upload has been stopped by then. */
  readonly onStall: () => void;
  readonly maxStallMs?: number;
}

/**
 * Feeds a payload to the runtime in at least two pieces. It takes over the payload's buffer: every other view of it is
 * empty from then on, and its memory is freed when the last piece has been taken, while Lambda still works.
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
    // Also ends a waiting write.
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
      const stalls = !stopped && error instanceof TimeoutError; // otherwise the connection is gone, and `fetch` reports it
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
