import { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';

/** No chunk that leaves a thread is larger, so that each fits one event-stream frame. */
const maxChunkBytes = 6_291_556;
/** So many bytes may be under way to the caller before a writer has to wait. */
const maxUnpassedBytes = 1_048_576;

/** Where a streaming handler writes: bytes go out as they come, and a writer waits for a slow reader. */
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

  /** Takes a type and drops it: the Content-Type of the answer is the event stream's. */
  setContentType(_type: string): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#unpassedBytes += chunk.byteLength;
    if (this.#unpassedBytes > maxUnpassedBytes) this.#waiting = done;
    for (let at = 0; at < chunk.byteLength; at += maxChunkBytes) {
      this.#send(new Uint8Array(chunk.subarray(at, at + maxChunkBytes)));
    }
    if (!this.#waiting) done();
  }

  /** Takes note that bytes have been passed on, and lets a waiting writer go on. */
  passed(byteLength: number): void {
    this.#unpassedBytes -= byteLength;
    if (this.#unpassedBytes > maxUnpassedBytes) return;
    const go = this.#waiting;
    this.#waiting = undefined;
    go?.();
  }
}
