/** If nothing comes for this long, the sender has given up, or wants to hold our memory. */
export const MAX_STALL_MS = 10_000;
/** After its first 10 seconds, a proved caller's upload must average at least this much a second. */
export const LEAST_BYTES_PER_SECOND = 64 * 1024;
/** The same for an unproved caller: 6 MB must arrive within 34 seconds. */
export const LEAST_BYTES_PER_SECOND_UNPROVED = 256 * 1024;
const LEAST_RATE_AFTER_MS = 10_000;

/** A sender that has sent this much to be thrown away is quick: larger pieces cost less. */
const GROW_AFTER_BYTES = 64 * 1024;

/** How often an upload is looked at, and one that may be dropped for another. */
const WATCH_MS = 500;
const WATCH_DROPPABLE_MS = 100;

export interface PiecesLimits {
  readonly maxStallMs?: number | undefined;
  /** Ends all reading after this long. */
  readonly maxMs?: number;
  readonly leastBytesPerSecond?: number;
  /** Whether it must end to make room for another. */
  readonly isDropped?: () => boolean;
}

/** A stream read piece by piece. */
export interface Pieces {
  /** @throws if the sender has left, brings nothing for too long, or too little, or has to make room. */
  read(into: Uint8Array<ArrayBuffer>): Promise<ReadableStreamReadResult<Uint8Array<ArrayBufferLike>>>;
  /** Time in which nobody reads does not count. */
  pause(): void;
  /**
   * Throws bytes away as they come, at most this many, a scratch of this size at a time. Once a sender has shown that it
   * is no drip, `grow` may name a larger scratch. @returns how many came.
   */
  discard(maxBytes: number, scratchBytes: number, grow?: () => number | undefined): Promise<number>;
  /** Ends the watch. To be called once. */
  stop(): void;
}

/** Reads a stream piece by piece, and gives up on one that is too slow. */
export function readPieces(stream: ReadableStream, limits: PiecesLimits = {}): Pieces {
  const { maxStallMs = MAX_STALL_MS, maxMs, leastBytesPerSecond = 0, isDropped } = limits;
  const reader = stream.getReader({ mode: 'byob' });
  let came = 0;
  let over: string | undefined;
  let movedAtMs = Date.now();
  let readingSinceMs = movedAtMs;
  let readMs = 0;
  let reading = true;
  // One timer for a body, not one for a read.
  const watchMs = Math.min(isDropped ? WATCH_DROPPABLE_MS : WATCH_MS, maxStallMs, maxMs ?? maxStallMs);
  const watch = setInterval(() => {
    if (!reading) return;
    const nowMs = Date.now();
    const elapsedMs = readMs + nowMs - readingSinceMs;
    if (nowMs - movedAtMs >= maxStallMs) over = `nothing came for ${maxStallMs} ms`;
    else if (maxMs !== undefined && elapsedMs >= maxMs) over = `it took more than ${maxMs} ms`;
    else if (came * 1_000 < (elapsedMs - LEAST_RATE_AFTER_MS) * leastBytesPerSecond) over = 'it came too slowly';
    else if (isDropped?.()) over = 'it had to make room';
    if (over !== undefined) reader.cancel().catch(() => {}); // ends the read that waits
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
