/// <reference path="./wasm.d.ts" />
import module from './is-json.wasm';

/** Where the text begins, and the bytes needed behind it besides a bit for each bracket (`assembly/is-json.ts`). */
const TEXT_AT = 1_024;
const BEHIND_BYTES = 64;
const PAGE_BYTES = 65_536;

interface Exports {
  readonly memory: WebAssembly.Memory;
  readonly isJson: (length: number) => number;
}

const { memory, isJson: check } = new WebAssembly.Instance(module).exports as unknown as Exports;
let held = new Uint8Array(memory.buffer);

/**
 * Says whether bytes are one JSON text (RFC 8259) in UTF-8 without a byte order mark, by WebAssembly: about three to
 * four times as fast as `JSON.parse`, the copy into its memory included (`npm run bench`). That memory stays as large as
 * the longest payload needed. What is wrong with a text, and where, is for `findJsonFault` to say, with which a property test holds this
 * together.
 */
export function isJson(bytes: Uint8Array): boolean {
  const needed = TEXT_AT + bytes.length + BEHIND_BYTES + Math.ceil(bytes.length / 8);
  if (needed > held.length) {
    memory.grow(Math.ceil((needed - held.length) / PAGE_BYTES));
    held = new Uint8Array(memory.buffer);
  }
  held.set(bytes, TEXT_AT);
  return check(bytes.length) === 1;
}
