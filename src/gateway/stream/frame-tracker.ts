/** Follows an event stream's frames as their bytes go by, keeping nothing but the head of the frame that is open. */
export interface FrameTracker {
  push(bytes: Uint8Array): void;
  /** Whether the bytes so far end with a whole frame, so that one more may follow. */
  readonly atBoundary: boolean;
  /** Whether an InvokeComplete has gone by: the service's own end of a stream. */
  readonly completed: boolean;
}

/** Prelude: total length, headers length, CRC; 4 bytes each (Smithy, "Event Stream: vnd.amazon.eventstream"). */
const PRELUDE_BYTES = 12;
/** Enough for the headers that Lambda sends, of which only the event type is looked for. */
const MAX_HEAD_BYTES = 512;

export function createFrameTracker(): FrameTracker {
  const head = new Uint8Array(MAX_HEAD_BYTES);
  let headBytes = 0; // how much of the open frame's head is kept
  let seenBytes = 0; // how much of the open frame has gone by
  let frameBytes = 0; // its length, once it is known
  let completed = false;

  const endFrame = () => {
    const headersBytes = new DataView(head.buffer).getUint32(4);
    const headers = head.subarray(PRELUDE_BYTES, Math.min(PRELUDE_BYTES + headersBytes, headBytes));
    completed ||= String.fromCharCode(...headers).includes('InvokeComplete');
    headBytes = 0;
    seenBytes = 0;
    frameBytes = 0;
  };

  return {
    push(bytes) {
      for (let at = 0; at < bytes.length; ) {
        // Until the prelude is whole, the frame's end is not known.
        const untilKnown = frameBytes === 0 ? PRELUDE_BYTES - seenBytes : frameBytes - seenBytes;
        const step = Math.min(untilKnown, bytes.length - at);
        const kept = Math.min(step, MAX_HEAD_BYTES - headBytes);
        head.set(bytes.subarray(at, at + kept), headBytes);
        headBytes += kept;
        seenBytes += step;
        at += step;
        if (frameBytes === 0 && seenBytes === PRELUDE_BYTES) {
          // A length that cannot be one would never end; it counts as a frame that stays open.
          frameBytes = Math.max(new DataView(head.buffer).getUint32(0), PRELUDE_BYTES + 4);
        }
        if (frameBytes > 0 && seenBytes === frameBytes) endFrame();
      }
    },
    get atBoundary() {
      return seenBytes === 0;
    },
    get completed() {
      return completed;
    },
  };
}
