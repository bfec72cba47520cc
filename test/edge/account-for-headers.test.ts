import { afterEach, beforeEach, expect, it } from 'vitest';
import { accountForHeaders } from '../../src/edge/account-for-headers.ts';

const RealArrayBuffer = globalThis.ArrayBuffer;
let told: number[];
beforeEach(() => {
  told = [];
  globalThis.ArrayBuffer = class extends RealArrayBuffer {
    constructor(bytes: number) {
      super(bytes);
      told.push(bytes);
    }
  } as ArrayBufferConstructor;
});
afterEach(() => {
  globalThis.ArrayBuffer = RealArrayBuffer;
});

it.each([
  [0, 0],
  [64, 0],
  [65, 65],
  [1_000, 1_000],
  [12_000, 1_024],
])('A6: V8 is told of %i headers as of %i KiB: it does not see them itself', (count, kibibytes) => {
  const headers = new Headers(Array.from({ length: count }, (_, n): [string, string] => [`x-${n}`, '']));
  told = [];
  accountForHeaders(new Request('https://gateway.example', { headers }));
  expect(told.reduce((sum, bytes) => sum + bytes, 0)).toBe(kibibytes * 1_024);
});
