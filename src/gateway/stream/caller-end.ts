/** The side of a streamed answer that faces the caller. */
export interface CallerEnd {
  readonly readable: ReadableStream;
  /** False once the caller has left. All later pieces are then dropped. */
  readonly isThere: boolean;
  /** Writes a piece. Resolves when the caller has taken the piece or has left. Never rejects. */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends the answer normally. Never rejects. */
  close(): Promise<void>;
  /** Breaks the connection off. Used only if nothing else can show the caller that the answer is incomplete. */
  breakOff(): void;
}

/**
 * workerd treats an error with this property as a lost connection. Any other error would appear as an uncaught exception
 * on standard error, in addition to the call's own log line, which has `brokenOff`.
 */
const AS_DISCONNECTION = { retryable: true };

/**
 * Opens the caller's end of an answer. If the caller resets its connection, only `left` shows it: the runtime drops the
 * answer unread, and a pending write never settles. If the caller closes its connection, the next write fails.
 *
 * @param length the length of the whole answer in bytes, if known. The answer then has a `Content-Length`.
 */
export function openCallerEnd(left: AbortSignal | undefined, length?: number): CallerEnd {
  const { readable, writable } = length === undefined ? new IdentityTransformStream() : new FixedLengthStream(length);
  const writer = writable.getWriter();
  let isThere = left?.aborted !== true;
  let wake = () => {};
  const leave = () => {
    isThere = false;
    wake();
  };
  left?.addEventListener('abort', leave);
  /** Resolves when the caller takes a piece or leaves. One listener serves all waits. A race would add one for each wait. */
  const untilTaken = (taken: Promise<void>) =>
    new Promise<void>((resolve) => {
      wake = resolve;
      taken.then(resolve, leave);
    });
  return {
    readable,
    get isThere() {
      return isThere;
    },
    async write(bytes) {
      if (isThere && bytes.length > 0) await untilTaken(writer.write(bytes));
    },
    async close() {
      if (isThere) await untilTaken(writer.close());
      left?.removeEventListener('abort', leave);
    },
    breakOff() {
      left?.removeEventListener('abort', leave);
      void writer.abort(Object.assign(new Error('broken off'), AS_DISCONNECTION)).catch(() => {});
    },
  };
}
