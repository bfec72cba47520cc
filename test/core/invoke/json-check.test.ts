import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { explainFault, findJsonFault, MAX_EXPLAINED_BYTES } from '../../../src/core/invoke/json-check.ts';

const utf8 = new TextEncoder();

/** The reference: the platform's own parser, over a decoder that lets nothing broken and no byte order mark through. */
const isJson = (bytes: Uint8Array): boolean => {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
    return true;
  } catch {
    return false;
  }
};

const json = fc.oneof(
  fc.json(),
  fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.stringify(value, null, 2)),
);

describe('findJsonFault', () => {
  it('agrees with JSON.parse over valid JSON', () => {
    fc.assert(
      fc.property(json, (text) => {
        expect(findJsonFault(utf8.encode(text))).toBeUndefined();
      }),
      { numRuns: 3_000 },
    );
  });

  it('agrees with JSON.parse over JSON with bytes changed, cut out or put in', () => {
    const edit = fc.record({ at: fc.nat(), drop: fc.nat({ max: 2 }), put: fc.uint8Array({ maxLength: 3 }) });
    fc.assert(
      fc.property(json, fc.array(edit, { minLength: 1, maxLength: 3 }), (text, edits) => {
        let bytes: Uint8Array = utf8.encode(text);
        for (const { at: where, drop, put } of edits) {
          const start = where % (bytes.length + 1);
          bytes = Uint8Array.from([...bytes.subarray(0, start), ...put, ...bytes.subarray(start + drop)]);
        }
        expect(findJsonFault(bytes) === undefined).toBe(isJson(bytes));
      }),
      { numRuns: 10_000 },
    );
  });

  it('agrees with JSON.parse over text made of JSON-like scraps', () => {
    const scrap = fc.constantFrom(
      ...'{}[]:,"\\ \n\t0123456789-+.eE/u',
      'true',
      'false',
      'null',
      '""',
      '"a"',
      '\\u00e9',
      '\\ud800',
      '1e5',
      '-0',
      '0.1',
      'é',
      '😀',
      '\u2028',
      '\ufeff',
    );
    fc.assert(
      fc.property(fc.array(scrap, { maxLength: 10 }), (scraps) => {
        const bytes = utf8.encode(scraps.join(''));
        expect(findJsonFault(bytes) === undefined).toBe(isJson(bytes));
      }),
      { numRuns: 20_000 },
    );
  });

  it('agrees with JSON.parse over strings of any bytes', () => {
    const lead = fc.constantFrom(
      0x22,
      0x5c,
      0x7f,
      0x80,
      0xbf,
      0xc0,
      0xc1,
      0xc2,
      0xdf,
      0xe0,
      0xed,
      0xef,
      0xf0,
      0xf4,
      0xf5,
    );
    const inner = fc.array(fc.oneof(lead, fc.integer({ min: 0x80, max: 0xbf }), fc.nat({ max: 255 })), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(inner, (middle) => {
        const bytes = Uint8Array.from([0x22, ...middle, 0x22]);
        expect(findJsonFault(bytes) === undefined).toBe(isJson(bytes));
      }),
      { numRuns: 20_000 },
    );
  });

  it('takes nesting of any depth, remembering what each bracket was', () => {
    const depth = 100_000;
    const open = Array.from({ length: depth }, (_, index) => (index % 3 === 0 ? '[' : '{"a":'));
    const close = Array.from({ length: depth }, (_, index) => (index % 3 === 0 ? ']' : '}')).reverse();
    expect(findJsonFault(utf8.encode(`${open.join('')}1${close.join('')}`))).toBeUndefined();
    close[5] = close[5] === ']' ? '}' : ']';
    expect(findJsonFault(utf8.encode(`${open.join('')}1${close.join('')}`))).toBeDefined();
  });

  it.each([
    ['', 1, 1, 'Unexpected end-of-input'],
    ['\n\n {"a":1,}', 3, 9, "Unexpected character ('}' (code 125)): was expecting double-quote to start field name"],
    ['[1 2]', 1, 4, "Unexpected character ('2' (code 50)): was expecting comma to separate Array entries"],
    ['{"a" 1}', 1, 6, "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value"],
    ['"\n"', 1, 2, 'Illegal unquoted character ((CTRL-CHAR, code 10)): has to be escaped in a string value'],
    ['nul', 1, 4, 'Unexpected end-of-input'],
    ['nuL', 1, 3, "Unrecognized token: was expecting 'null'"],
    ['-', 1, 2, 'Unexpected end-of-input'],
    ['[-]', 1, 3, "Unexpected character (']' (code 93)): expected a digit to follow a minus sign"],
    ['1.e', 1, 3, "Unexpected character ('e' (code 101)): decimal point not followed by a digit"],
    ['1e+]', 1, 4, "Unexpected character (']' (code 93)): exponent indicator not followed by a digit"],
    ['"\\x"', 1, 3, "Unrecognized character escape: character ('x' (code 120))"],
    ['"\\u00g0"', 1, 6, "Unexpected character ('g' (code 103)): expected a hex-digit for character escape sequence"],
    ['{"a":1 "b"}', 1, 8, "Unexpected character ('\"' (code 34)): was expecting comma to separate Object entries"],
    ['01', 1, 2, 'Invalid numeric value: Leading zeroes not allowed'],
    ['{}x', 1, 3, "Unexpected character ('x' (code 120)): expected nothing after the JSON value"],
  ])('says of %j that line %i, column %i is wrong', (text, line, column, problem) => {
    expect(findJsonFault(utf8.encode(text))).toEqual({ line, column, problem });
  });

  it('rejects a byte order mark', () => {
    expect(findJsonFault(Uint8Array.of(0xef, 0xbb, 0xbf, 0x7b, 0x7d))?.problem).toContain('0xef');
  });
});

describe('explainFault', () => {
  const long = (text: string) => utf8.encode(`[${' '.repeat(MAX_EXPLAINED_BYTES)}${text}`);

  it('finds a fault near the beginning, however long the payload is', () => {
    expect(explainFault(utf8.encode(`}${' '.repeat(MAX_EXPLAINED_BYTES)}`))).toMatchObject({ line: 1, column: 1 });
  });

  it.each(['1]', '}', ''])('gives no place for a fault further in: [...%s', (text) => {
    expect(explainFault(long(text))).toEqual({
      afterBytes: MAX_EXPLAINED_BYTES,
      problem: 'The payload is not valid JSON',
    });
  });

  it('finds the end of a short text', () => {
    expect(explainFault(utf8.encode('[\n'))).toEqual({ line: 2, column: 1, problem: 'Unexpected end-of-input' });
  });
});
