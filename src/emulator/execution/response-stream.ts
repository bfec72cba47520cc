import { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';

/** Maximum size in bytes of a chunk that leaves the thread, so that each chunk fits in one event-stream frame. */
const maxChunkBytes = 6_291_556;
/** Maximum number of bytes on their way to the caller. Above this number, a writer must wait. */
const maxUnpassedBytes = 1_048_576;

/** The stream that a streaming handler writes to. Sends bytes at once, and makes the writer wait for a slow reader. */
export class ResponseStream extends Writable {
  #unpassedBytes = 0;
  #waiting: (() => void) | undefined;
  readonly #send: (bytes: Uint8Array<ArrayBuffer>) => void;

  constructor(send: (bytes: Uint8Array<ArrayBuffer>) => void) {
    super();
    this.#send = send;
  }

  /** True if a writer is waiting for the reader. */
  get isWaiting(): boolean {
    return this.#waiting !== undefined;
  }

  /** Resolves when the handler has ended the stream and every byte is sent. Rejects if the handler destroys the stream. */
  ended(): Promise<void> {
    return finished(this);
  }

  /** Ignores the type, because the answer's Content-Type is always that of an event stream. */
  setContentType(_type: string): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#unpassedBytes += chunk.byteLength;
    if (this.#unpassedBytes > maxUnpassedBytes) this.#waiting = done;
    for (let at = 0; at < chunk.byteLength; at += maxChunkBytes) {
      this.#send(new Uint8Array(chunk.subarray(at, at + maxChunkBytes)));
    }
    if (!this.#waiting) done();
  }

  /** Counts bytes as passed to the caller. A waiting writer continues once few enough bytes are on their way. */
  passed(byteLength: number): void {
    this.#unpassedBytes -= byteLength;
    if (this.#unpassedBytes > maxUnpassedBytes) return;
    const go = this.#waiting;
    this.#waiting = undefined;
    go?.();
  }
}
