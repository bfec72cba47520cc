/** A sender that sends nothing for this long has given up, or is holding our memory on purpose. */
export const MAX_STALL_MS = 10_000;
/** Minimum average rate of a proved caller's upload. The first 10 seconds do not count as time. */
export const LEAST_BYTES_PER_SECOND = 64 * 1024;
/** Minimum average rate of an unproved caller's upload: 6 MB must arrive within 34 seconds. */
export const LEAST_BYTES_PER_SECOND_UNPROVED = 256 * 1024;
const LEAST_RATE_AFTER_MS = 10_000;

/** A sender of this many discarded bytes counts as quick and may get a larger buffer, which costs less per byte. */
const GROW_AFTER_BYTES = 64 * 1024;

/** Time between two checks of an upload. An upload that may be dropped to make room for another is checked more often. */
const WATCH_MS = 500;
const WATCH_DROPPABLE_MS = 100;

export interface PiecesLimits {
  readonly maxStallMs?: number | undefined;
  /** Maximum total time of all reading. */
  readonly maxMs?: number;
  readonly leastBytesPerSecond?: number;
  /** Returns true if the upload must end to make room for another. */
  readonly isDropped?: () => boolean;
}

/** A stream read piece by piece. */
export interface Pieces {
  /** @throws if the sender has left, stalls, is too slow, or must make room for another upload. */
  read(into: Uint8Array<ArrayBuffer>): Promise<ReadableStreamReadResult<Uint8Array<ArrayBufferLike>>>;
  /** Stops the clock until the next `read`. The paused time does not count against the sender. */
  pause(): void;
  /**
   * Reads up to `maxBytes` and discards them, with a scratch buffer of `scratchBytes`. Once `GROW_AFTER_BYTES` have
   * arrived, `grow` may return the size of a larger buffer. @returns the number of bytes discarded.
   */
  discard(maxBytes: number, scratchBytes: number, grow?: () => number | undefined): Promise<number>;
  /** Stops the watch timer. Must be called once. */
  stop(): void;
}

/** Reads a stream piece by piece. Gives up if the sender is too slow. */
export function readPieces(stream: ReadableStream, limits: PiecesLimits = {}): Pieces {
  const { maxStallMs = MAX_STALL_MS, maxMs, leastBytesPerSecond = 0, isDropped } = limits;
  const reader = stream.getReader({ mode: 'byob' });
  let came = 0;
  let over: string | undefined;
  let movedAtMs = Date.now();
  let readingSinceMs = movedAtMs;
  let readMs = 0;
  let reading = true;
  // One timer for the whole body, instead of one for each read.
  const watchMs = Math.min(isDropped ? WATCH_DROPPABLE_MS : WATCH_MS, maxStallMs, maxMs ?? maxStallMs);
  const watch = setInterval(() => {
    if (!reading) return;
    const nowMs = Date.now();
    const elapsedMs = readMs + nowMs - readingSinceMs;
    if (nowMs - movedAtMs >= maxStallMs) over = `nothing came for ${maxStallMs} ms`;
    else if (maxMs !== undefined && elapsedMs >= maxMs) over = `it took more than ${maxMs} ms`;
    else if (came * 1_000 < (elapsedMs - LEAST_RATE_AFTER_MS) * leastBytesPerSecond) over = 'it came too slowly';
    else if (isDropped?.()) over = 'it had to make room';
    if (over !== undefined) reader.cancel().catch(() => {}); // ends a pending read
  }, watchMs);

  const read = async (into: Uint8Array<ArrayBuffer>) => {
    if (!reading) {
      reading = true;
      readingSinceMs = Date.now();
      movedAtMs = readingSinceMs;
    }
    const piece = await reader.read(into);
    if (over !== undefined) throw new Error(over);
    movedAtMs = Date.now();
    came += piece.value?.byteLength ?? 0;
    return piece;
  };
  return {
    read,
    pause() {
      if (reading) readMs += Date.now() - readingSinceMs;
      reading = false;
    },
    async discard(maxBytes, scratchBytes, grow) {
      let scratch = new ArrayBuffer(scratchBytes);
      let discarded = 0;
      while (discarded < maxBytes) {
        const { value, done } = await read(new Uint8Array(scratch));
        if (value === undefined || done) return discarded;
        discarded += value.byteLength;
        const grown = discarded >= GROW_AFTER_BYTES ? grow?.() : undefined;
        if (grown !== undefined) grow = undefined;
        scratch = grown === undefined ? (value.buffer as ArrayBuffer) : new ArrayBuffer(grown);
      }
      await reader.cancel();
      return discarded;
    },
    stop: () => clearInterval(watch),
  };
}
