/** Where bytes stopped being JSON. Line and column count from 1; the column counts bytes. */
export interface JsonFault {
  readonly line: number;
  readonly column: number;
  /** What is wrong, in words like those of the service's own parser. */
  readonly problem: string;
}

/** Not JSON, at an unknown place: so far in that it would be costly to find. */
export interface UnlocatedJsonFault {
  readonly afterBytes: number;
  readonly problem: string;
}

/** Says whether bytes that come in pieces are one JSON text. */
export interface JsonCheck {
  /** Takes the next piece. A fault is final. */
  write(bytes: Uint8Array): JsonFault | undefined;
  /** Says that there are no more bytes. */
  end(): JsonFault | undefined;
}

// What may come next: between tokens,
const VALUE = 0;
const VALUE_OR_CLOSE = 1; // after `[`
const KEY_OR_CLOSE = 2; // after `{`
const KEY = 3; // after `,` in an object
const COLON = 4;
const COMMA_OR_CLOSE = 5;
const NOTHING = 6; // the text is complete: only white space
// and within one.
const STRING = 7;
const ESCAPE = 8;
const HEX = 9;
const CONTINUATION = 10; // the rest of a UTF-8 sequence in a string
const LITERAL = 11;
const MINUS = 12;
const ZERO = 13;
const INTEGER = 14;
const POINT = 15;
const FRACTION = 16;
const EXPONENT = 17;
const EXPONENT_SIGN = 18;
const EXPONENT_DIGITS = 19;

/** 1 for a byte that stands for itself in a string: printable ASCII but `"` and `\`. */
const PLAIN = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x20 && byte < 0x80 && byte !== 0x22 && byte !== 0x5c ? 1 : 0,
);

const ascii = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const LITERALS = new Map(['true', 'false', 'null'].map((word) => [word.charCodeAt(0), ascii(word)]));
const ESCAPABLE = new Set(ascii('"\\/bfnrt'));

const isDigit = (byte: number) => byte >= 0x30 && byte <= 0x39;
const isHex = (byte: number) => isDigit(byte) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
const isExponent = (byte: number) => byte === 0x65 || byte === 0x45;

const named = (byte: number) => {
  if (byte >= 0x80) return `byte 0x${byte.toString(16)}`;
  if (byte < 0x20 || byte === 0x7f) return `character ((CTRL-CHAR, code ${byte}))`;
  return `character ('${String.fromCharCode(byte)}' (code ${byte}))`;
};

/**
 * Makes a check for one JSON text (RFC 8259) in UTF-8 without a byte order mark.
 *
 * It builds no value: a state machine over the bytes that keeps one bit for each open bracket and nothing of what it
 * has read. It accepts what `JSON.parse` accepts over a fatal UTF-8 decoder (a property test holds the two together);
 * nesting has no limit of ours.
 */
export function createJsonCheck(): JsonCheck {
  let state = VALUE;
  let fault: JsonFault | undefined;
  let consumed = 0; // bytes of the pieces before this one
  let line = 1;
  let lineStart = 0; // offset of the line's first byte, over all pieces

  let openBrackets = new Uint8Array(16); // one bit each: 1 for `{`, 0 for `[`
  let depth = 0;
  let inObject = false; // what the innermost open bracket is

  let isKey = false; // the string being read
  let literal = new Uint8Array();
  let remaining = 0; // bytes left of a literal, an escape's digits or a UTF-8 sequence
  let lowest = 0; // what the next byte of the sequence may be
  let highest = 0;

  const stop = (at: number, problem: string): JsonFault => {
    fault = { line, column: consumed + at - lineStart + 1, problem };
    return fault;
  };

  const open = (object: boolean) => {
    const index = depth >> 3;
    if (index === openBrackets.length) {
      const larger = new Uint8Array(openBrackets.length * 2);
      larger.set(openBrackets);
      openBrackets = larger;
    }
    const bit = 1 << (depth & 7);
    const held = openBrackets[index] ?? 0;
    openBrackets[index] = object ? held | bit : held & ~bit;
    depth++;
    inObject = object;
    state = object ? KEY_OR_CLOSE : VALUE_OR_CLOSE;
  };

  const close = () => {
    depth--;
    const outer = depth - 1;
    inObject = depth > 0 && (((openBrackets[outer >> 3] ?? 0) >> (outer & 7)) & 1) === 1;
    state = depth === 0 ? NOTHING : COMMA_OR_CLOSE;
  };

  const endValue = () => {
    state = depth === 0 ? NOTHING : COMMA_OR_CLOSE;
  };

  const startString = (key: boolean) => {
    isKey = key;
    state = STRING;
  };

  const startValue = (byte: number, at: number): JsonFault | undefined => {
    if (byte === 0x22) startString(false);
    else if (byte === 0x7b) open(true);
    else if (byte === 0x5b) open(false);
    else if (byte === 0x2d) state = MINUS;
    else if (byte === 0x30) state = ZERO;
    else if (isDigit(byte)) state = INTEGER;
    else {
      const word = LITERALS.get(byte);
      if (!word) {
        return stop(
          at,
          `Unexpected ${named(byte)}: expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')`,
        );
      }
      literal = word;
      remaining = word.length - 1;
      state = LITERAL;
    }
    return undefined;
  };

  /** A byte between two tokens. */
  const between = (byte: number, at: number): JsonFault | undefined => {
    if (byte === 0x20 || byte === 0x0d || byte === 0x09) return undefined;
    if (byte === 0x0a) {
      line++;
      lineStart = consumed + at + 1;
      return undefined;
    }
    switch (state) {
      case VALUE:
        return startValue(byte, at);
      case VALUE_OR_CLOSE:
        if (byte !== 0x5d) return startValue(byte, at);
        close();
        return undefined;
      case KEY_OR_CLOSE:
      case KEY:
        if (byte === 0x22) startString(true);
        else if (byte === 0x7d && state === KEY_OR_CLOSE) close();
        else return stop(at, `Unexpected ${named(byte)}: was expecting double-quote to start field name`);
        return undefined;
      case COLON:
        if (byte !== 0x3a) {
          return stop(at, `Unexpected ${named(byte)}: was expecting a colon to separate field name and value`);
        }
        state = VALUE;
        return undefined;
      case COMMA_OR_CLOSE:
        if (byte === 0x2c) state = inObject ? KEY : VALUE;
        else if (byte === (inObject ? 0x7d : 0x5d)) close();
        else {
          const entries = inObject ? 'Object' : 'Array';
          return stop(at, `Unexpected ${named(byte)}: was expecting comma to separate ${entries} entries`);
        }
        return undefined;
      default:
        return stop(at, `Unexpected ${named(byte)}: expected nothing after the JSON value`);
    }
  };

  /** The first byte that is not of a number. */
  const endNumber = (byte: number, at: number): JsonFault | undefined => {
    endValue();
    return between(byte, at);
  };

  /** The first byte of a UTF-8 sequence in a string (RFC 3629 section 4). */
  const startSequence = (byte: number, at: number): JsonFault | undefined => {
    if (byte < 0xc2 || byte > 0xf4) return stop(at, `Invalid UTF-8 start byte 0x${byte.toString(16)}`);
    remaining = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    lowest = byte === 0xe0 ? 0xa0 : byte === 0xf0 ? 0x90 : 0x80;
    highest = byte === 0xed ? 0x9f : byte === 0xf4 ? 0x8f : 0xbf;
    state = CONTINUATION;
    return undefined;
  };

  /** A byte within a token, other than a plain one in a string. */
  const within = (byte: number, at: number): JsonFault | undefined => {
    switch (state) {
      case STRING:
        if (byte >= 0x80) return startSequence(byte, at);
        if (byte < 0x20) {
          return stop(
            at,
            `Illegal unquoted character ((CTRL-CHAR, code ${byte})): has to be escaped in a string value`,
          );
        }
        if (byte === 0x5c) state = ESCAPE;
        else if (isKey) state = COLON;
        else endValue();
        return undefined;
      case ESCAPE:
        if (byte === 0x75) {
          remaining = 4;
          state = HEX;
        } else if (ESCAPABLE.has(byte)) state = STRING;
        else return stop(at, `Unrecognized character escape: ${named(byte)}`);
        return undefined;
      case HEX:
        if (!isHex(byte))
          return stop(at, `Unexpected ${named(byte)}: expected a hex-digit for character escape sequence`);
        if (--remaining === 0) state = STRING;
        return undefined;
      case CONTINUATION:
        if (byte < lowest || byte > highest) return stop(at, `Invalid UTF-8 middle byte 0x${byte.toString(16)}`);
        lowest = 0x80;
        highest = 0xbf;
        if (--remaining === 0) state = STRING;
        return undefined;
      case LITERAL:
        if (byte !== literal[literal.length - remaining]) {
          return stop(at, `Unrecognized token: was expecting '${String.fromCharCode(...literal)}'`);
        }
        if (--remaining === 0) endValue();
        return undefined;
      case MINUS:
        if (!isDigit(byte)) return stop(at, `Unexpected ${named(byte)}: expected a digit to follow a minus sign`);
        state = byte === 0x30 ? ZERO : INTEGER;
        return undefined;
      case ZERO:
        if (isDigit(byte)) return stop(at, 'Invalid numeric value: Leading zeroes not allowed');
        return afterInteger(byte, at);
      case INTEGER:
        return isDigit(byte) ? undefined : afterInteger(byte, at);
      case POINT:
        if (!isDigit(byte)) return stop(at, `Unexpected ${named(byte)}: decimal point not followed by a digit`);
        state = FRACTION;
        return undefined;
      case FRACTION:
        if (isDigit(byte)) return undefined;
        if (!isExponent(byte)) return endNumber(byte, at);
        state = EXPONENT;
        return undefined;
      case EXPONENT:
      case EXPONENT_SIGN:
        if (isDigit(byte)) state = EXPONENT_DIGITS;
        else if (state === EXPONENT && (byte === 0x2b || byte === 0x2d)) state = EXPONENT_SIGN;
        else return stop(at, `Unexpected ${named(byte)}: exponent indicator not followed by a digit`);
        return undefined;
      default:
        return isDigit(byte) ? undefined : endNumber(byte, at);
    }
  };

  const afterInteger = (byte: number, at: number): JsonFault | undefined => {
    if (byte === 0x2e) state = POINT;
    else if (isExponent(byte)) state = EXPONENT;
    else return endNumber(byte, at);
    return undefined;
  };

  return {
    write(bytes) {
      if (fault) return fault;
      const length = bytes.length;
      for (let at = 0; at < length; at++) {
        let byte = bytes[at] ?? 0;
        if (state === STRING) {
          while (PLAIN[byte] === 1 && ++at < length) byte = bytes[at] ?? 0;
          if (at === length) break;
        }
        const found = state < STRING ? between(byte, at) : within(byte, at);
        if (found) return found;
      }
      consumed += length;
      return undefined;
    },
    end() {
      if (fault) return fault;
      const complete =
        state === NOTHING ||
        (depth === 0 && (state === ZERO || state === INTEGER || state === FRACTION || state === EXPONENT_DIGITS));
      return complete ? undefined : stop(0, 'Unexpected end-of-input');
    },
  };
}

/** Checks bytes that are all there. */
export function checkJson(bytes: Uint8Array): JsonFault | undefined {
  const check = createJsonCheck();
  return check.write(bytes) ?? check.end();
}

/** Bytes in which a fault is looked for: about 3 ms of work. */
export const MAX_EXPLAINED_BYTES = 262_144;

/** Says what is wrong with bytes that are not JSON. It looks only at the first `MAX_EXPLAINED_BYTES`. */
export function explainFault(bytes: Uint8Array): JsonFault | UnlocatedJsonFault | undefined {
  if (bytes.length <= MAX_EXPLAINED_BYTES) return checkJson(bytes);
  const fault = createJsonCheck().write(bytes.subarray(0, MAX_EXPLAINED_BYTES));
  return fault ?? { afterBytes: MAX_EXPLAINED_BYTES, problem: 'The payload is not valid JSON' };
}
