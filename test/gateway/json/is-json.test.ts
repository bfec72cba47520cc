import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findJsonFault } from '../../../src/core/invoke/json-check.ts';
import { isJson } from '../../../src/gateway/json/is-json.ts';

const utf8 = new TextEncoder();

/** The reference: the platform's own parser, over a decoder that lets nothing broken and no byte order mark through. */
const parses = (bytes: Uint8Array): boolean => {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
    return true;
  } catch {
    return false;
  }
};
/** The check that says what is wrong. */
const explains = (bytes: Uint8Array): boolean => findJsonFault(bytes) === undefined;
const agree = (bytes: Uint8Array) => {
  const expected = parses(bytes);
  expect(isJson(bytes)).toBe(expected);
  expect(explains(bytes)).toBe(expected);
};

const longString = fc.string({ unit: 'binary', minLength: 10, maxLength: 60 }).map((text) => JSON.stringify(text));
const plainString = fc.string({ unit: fc.constantFrom(...'aZ 09~!#[]^'), maxLength: 70 }).map((text) => `"${text}"`);
const json = fc.oneof(
  fc.json(),
  fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.stringify(value, null, 2)),
  fc.array(fc.oneof(longString, plainString), { maxLength: 4 }).map((items) => `[${items.join(',')}]`),
);

describe('isJson', () => {
  it('agrees with JSON.parse, and with the check that explains, over valid JSON', () => {
    fc.assert(
      fc.property(json, (text) => agree(utf8.encode(text))),
      { numRuns: 3_000 },
    );
  });

  it('agrees with both over JSON with bytes changed, cut out or put in', () => {
    const edit = fc.record({ at: fc.nat(), drop: fc.nat({ max: 2 }), put: fc.uint8Array({ maxLength: 3 }) });
    fc.assert(
      fc.property(json, fc.array(edit, { minLength: 1, maxLength: 3 }), (text, edits) => {
        let bytes = [...utf8.encode(text)];
        for (const { at, drop, put } of edits) bytes = bytes.toSpliced(at % (bytes.length + 1), drop, ...put);
        agree(Uint8Array.from(bytes));
      }),
      { numRuns: 10_000 },
    );
  });

  it('agrees with both over short texts of the bytes that matter', () => {
    const telling = fc.constantFrom(...utf8.encode('{}[]",:\\u0aE-+. tfn\n'), 0x00, 0x1f, 0x7f, 0x80, 0xc2, 0xed, 0xf4);
    fc.assert(
      fc.property(fc.array(telling, { maxLength: 8 }), (bytes) => agree(Uint8Array.from(bytes))),
      { numRuns: 20_000 },
    );
  });

  it('sees every byte at any place in a long string', () => {
    for (let at = 1; at < 40; at++) {
      for (let byte = 0; byte < 256; byte++) {
        const bytes = utf8.encode(`"${'x'.repeat(40)}"`);
        bytes[at] = byte;
        const expected = parses(bytes);
        if (isJson(bytes) !== expected) expect([at, byte, isJson(bytes)]).toEqual([at, byte, expected]);
      }
    }
  });

  it('sees the end of a text wherever it is, whatever stood there before', () => {
    const text = utf8.encode(`{"a": ["${'b'.repeat(40)}", 1.5e3, true], "ü": null}`);
    for (let length = 0; length <= text.length; length++) {
      expect(isJson(utf8.encode(`"${'y'.repeat(200)}"`))).toBe(true);
      expect(isJson(text.subarray(0, length))).toBe(length === text.length);
    }
  });

  it('knows each of a million open brackets, and takes the longest payload', () => {
    const kinds = Array.from({ length: 1_000_000 }, (_, level) => (level * 7919) % 3 === 0);
    const open = kinds.map((isObject) => (isObject ? '{"":' : '[')).join('');
    const close = kinds.toReversed().map((isObject) => (isObject ? '}' : ']'));
    expect(isJson(utf8.encode(`${open}1${close.join('')}`))).toBe(true);
    for (const level of [0, 1, 77, 65_536, 999_999]) {
      const wrong = close.with(level, close[level] === '}' ? ']' : '}').join('');
      expect(isJson(utf8.encode(`${open}1${wrong}`))).toBe(false);
    }
    expect(isJson(new Uint8Array(6_291_456).fill(0x5b))).toBe(false);
    expect(isJson(utf8.encode(`"${'z'.repeat(6_291_454)}"`))).toBe(true);
  });
});
