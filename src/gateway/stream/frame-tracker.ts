/** Follows the frames of an event stream as bytes pass. Keeps the open frame's head and the body of an InvokeComplete. */
export interface FrameTracker {
  push(bytes: Uint8Array): void;
  /** True if the bytes so far end at the end of a frame, so that another frame may follow. */
  readonly atBoundary: boolean;
  /** True once an InvokeComplete has passed. The service ends every stream with this frame. */
  readonly completed: boolean;
  /** The error code of the InvokeComplete, if it has one. */
  readonly errorCode: string | undefined;
}

/** The prelude has total length, headers length and CRC, 4 bytes each (Smithy, "Event Stream: vnd.amazon.eventstream"). */
const PRELUDE_BYTES = 12;
const CRC_BYTES = 4;
/** Enough for the headers that Lambda sends. Only the event type is read. */
const MAX_HEAD_BYTES = 512;
/** Enough for an InvokeComplete with its 4 KB of log. If it is longer, only the beginning is read. */
const MAX_COMPLETE_BYTES = 64 * 1024;

export function createFrameTracker(): FrameTracker {
  const head = new Uint8Array(MAX_HEAD_BYTES);
  let headBytes = 0; // bytes of the open frame's head that are kept
  let seenBytes = 0; // bytes of the open frame that have passed
  let frameBytes = 0; // the open frame's length, 0 until it is known
  let bodyAt = 0; // where the open frame's headers end
  let body: number[] | undefined; // the body of an InvokeComplete, if the open frame is one
  let completed = false;
  let errorCode: string | undefined;

  const readPrelude = () => {
    const prelude = new DataView(head.buffer);
    // A declared length may be impossibly short. Raising it to the minimum gives the frame an end.
    frameBytes = Math.max(prelude.getUint32(0), PRELUDE_BYTES + CRC_BYTES);
    bodyAt = Math.min(PRELUDE_BYTES + prelude.getUint32(4), frameBytes);
  };

  const readHeaders = () => {
    const headers = head.subarray(PRELUDE_BYTES, Math.min(bodyAt, headBytes));
    body = String.fromCharCode(...headers).includes('InvokeComplete') ? [] : undefined;
  };

  const endFrame = () => {
    if (body) {
      completed = true;
      errorCode = readErrorCode(Uint8Array.from(body.length < MAX_COMPLETE_BYTES ? body.slice(0, -CRC_BYTES) : body));
    }
    headBytes = 0;
    seenBytes = 0;
    frameBytes = 0;
    body = undefined;
  };

  /** Number of bytes from the open frame's start to the end of its current part: prelude, headers or body. */
  const nextStop = () => {
    if (frameBytes === 0) return PRELUDE_BYTES;
    return seenBytes < bodyAt ? bodyAt : frameBytes;
  };

  return {
    push(bytes) {
      for (let at = 0; at < bytes.length; ) {
        const step = Math.min(nextStop() - seenBytes, bytes.length - at);
        const kept = Math.min(step, MAX_HEAD_BYTES - headBytes);
        head.set(bytes.subarray(at, at + kept), headBytes);
        headBytes += kept;
        if (body)
          for (const byte of bytes.subarray(at, at + Math.min(step, MAX_COMPLETE_BYTES - body.length))) body.push(byte);
        seenBytes += step;
        at += step;
        if (frameBytes === 0 && seenBytes === PRELUDE_BYTES) readPrelude();
        if (frameBytes > 0 && seenBytes === bodyAt) readHeaders();
        if (frameBytes > 0 && seenBytes === frameBytes) endFrame();
      }
    },
    get atBoundary() {
      return seenBytes === 0;
    },
    get completed() {
      return completed;
    },
    get errorCode() {
      return errorCode;
    },
  };
}

const ERROR_CODE = /"ErrorCode"\s*:\s*"([^"\\]{1,128})/;

/** Finds the error code in the JSON of an InvokeComplete. The JSON may be truncated. */
function readErrorCode(json: Uint8Array): string | undefined {
  const text = new TextDecoder().decode(json);
  try {
    const { ErrorCode } = JSON.parse(text) as { ErrorCode?: unknown };
    return typeof ErrorCode === 'string' ? ErrorCode.slice(0, 128) : undefined;
  } catch {
    return ERROR_CODE.exec(text)?.[1];
  }
}
