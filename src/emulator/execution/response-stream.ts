import { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';

/** The largest chunk that leaves a thread, in bytes: each fits one event-stream frame. */
const maxChunkBytes = 6_291_556;
/** Most bytes under way to the caller before a writer must wait. */
const maxUnpassedBytes = 1_048_576;

/** The stream that a streaming handler writes to. Bytes go out at once, and a writer waits for a slow reader. */
export class ResponseStream extends Writable {
  #unpassedBytes = 0;
  #waiting: (() => void) | undefined;
  readonly #send: (bytes: Uint8Array<ArrayBuffer>) => void;

  constructor(send: (bytes: Uint8Array<ArrayBuffer>) => void) {
    super();
    this.#send = send;
  }

  /** Whether a writer waits for the reader. */
  get isWaiting(): boolean {
    return this.#waiting !== undefined;
  }

  /** Resolves when the handler has ended the stream and all is sent; rejects when it destroyed it. */
  ended(): Promise<void> {
    return finished(this);
  }

  /** Ignores the type: the Content-Type of the answer is the event stream's. */
  setContentType(_type: string): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#unpassedBytes += chunk.byteLength;
    if (this.#unpassedBytes > maxUnpassedBytes) this.#waiting = done;
    for (let at = 0; at < chunk.byteLength; at += maxChunkBytes) {
      this.#send(new Uint8Array(chunk.subarray(at, at + maxChunkBytes)));
    }
    if (!this.#waiting) done();
  }

  /** Notes that bytes have been passed on, and lets a waiting writer continue. */
  passed(byteLength: number): void {
    this.#unpassedBytes -= byteLength;
    if (this.#unpassedBytes > maxUnpassedBytes) return;
    const go = this.#waiting;
    this.#waiting = undefined;
    go?.();
  }
}
