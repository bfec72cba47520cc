/** The place where bytes stop being JSON. Lines and columns start at 1. Columns count bytes. */
export interface JsonFault {
  readonly line: number;
  readonly column: number;
  /** Says what is wrong, in words like those of the service's own parser. */
  readonly problem: string;
}

/** A fault at an unknown place after the first `afterBytes` bytes. To search further would cost too much. */
export interface UnlocatedJsonFault {
  readonly afterBytes: number;
  readonly problem: string;
}

// The kinds of token that may come next. Each kind is a number, because the scan stores a kind at every token.
const VALUE = 0;
const VALUE_OR_CLOSE = 1; // after `[`
const KEY = 2; // after `,` in an object
const KEY_OR_CLOSE = 3; // after `{`
const COLON = 4;
const COMMA_OR_CLOSE = 5;
const NOTHING = 6; // the text is complete: only white space may follow
type Expected =
  | typeof VALUE
  | typeof VALUE_OR_CLOSE
  | typeof KEY
  | typeof KEY_OR_CLOSE
  | typeof COLON
  | typeof COMMA_OR_CLOSE
  | typeof NOTHING;

/** The bytes, the reading position, and the token that may come next. */
interface Scan {
  readonly bytes: Uint8Array;
  at: number;
  expected: Expected;
  /** The closing bracket for each open bracket. The innermost is at `depth - 1`. */
  readonly closers: Uint8Array;
  depth: number;
}

/** The fault at `scan.at`. Undefined if there is no fault: `scan.at` is then after the bytes read. */
type Problem = string | undefined;

const END = 'Unexpected end-of-input';
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const CLOSE_OBJECT = 0x7d;

/** 1 for a byte that represents itself in a string: ASCII from 0x20 to 0x7f, except `"` and `\`. */
const PLAIN = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x20 && byte < 0x80 && byte !== QUOTE && byte !== BACKSLASH ? 1 : 0,
);

const ascii = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const LITERALS = new Map(['true', 'false', 'null'].map((word) => [word.charCodeAt(0), word]));
const ESCAPABLE = new Set(ascii('"\\/bfnrt'));

const isDigit = (byte = 0) => byte >= 0x30 && byte <= 0x39;
const isHex = (byte: number) => isDigit(byte) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);

const named = (byte: number) => {
  if (byte >= 0x80) return `byte 0x${byte.toString(16)}`;
  if (byte < 0x20 || byte === 0x7f) return `character ((CTRL-CHAR, code ${byte}))`;
  return `character ('${String.fromCharCode(byte)}' (code ${byte}))`;
};

/**
 * Finds where bytes stop being one JSON text (RFC 8259) in UTF-8 without a byte order mark. Undefined if all of the bytes
 * are one JSON text.
 *
 * This function builds no value. It accepts exactly what `JSON.parse` accepts after a fatal UTF-8 decoder (a property test
 * compares the two). Nesting is not limited.
 */
export function findJsonFault(bytes: Uint8Array): JsonFault | undefined {
  const scan: Scan = { bytes, at: 0, expected: VALUE, closers: new Uint8Array(bytes.length), depth: 0 };
  const problem = findProblem(scan);
  if (problem === undefined) return undefined;
  // A line feed in a string is itself a fault. So each line feed before the fault ends a line.
  let line = 1;
  let lineStart = 0;
  for (let at = 0; at < scan.at; at++) {
    if (bytes[at] !== 0x0a) continue;
    line += 1;
    lineStart = at + 1;
  }
  return { line, column: scan.at - lineStart + 1, problem };
}

/** Reads tokens until the end or the first fault. */
function findProblem(scan: Scan): Problem {
  const { bytes } = scan;
  for (;;) {
    const byte = bytes[scan.at];
    if (byte === undefined) return scan.expected === NOTHING ? undefined : END;
    if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) {
      scan.at += 1;
      continue;
    }
    const problem = readToken(scan, byte);
    if (problem !== undefined) return problem;
  }
}

function readToken(scan: Scan, byte: number): Problem {
  switch (scan.expected) {
    case VALUE:
      return readValue(scan, byte);
    case VALUE_OR_CLOSE:
      return byte === CLOSE_ARRAY ? close(scan) : readValue(scan, byte);
    case KEY:
      return readKey(scan, byte);
    case KEY_OR_CLOSE:
      return byte === CLOSE_OBJECT ? close(scan) : readKey(scan, byte);
    case COLON:
      if (byte !== 0x3a) return `Unexpected ${named(byte)}: was expecting a colon to separate field name and value`;
      return pass(scan, VALUE);
    case COMMA_OR_CLOSE: {
      const closer = scan.closers[scan.depth - 1];
      if (byte === closer) return close(scan);
      const isObject = closer === CLOSE_OBJECT;
      if (byte === 0x2c) return pass(scan, isObject ? KEY : VALUE);
      return `Unexpected ${named(byte)}: was expecting comma to separate ${isObject ? 'Object' : 'Array'} entries`;
    }
    case NOTHING:
      return `Unexpected ${named(byte)}: expected nothing after the JSON value`;
  }
}

/** Skips a token of one byte. */
function pass(scan: Scan, expected: Expected): undefined {
  scan.at += 1;
  scan.expected = expected;
}

function open(scan: Scan, closer: number): undefined {
  scan.closers[scan.depth] = closer;
  scan.depth += 1;
  pass(scan, closer === CLOSE_OBJECT ? KEY_OR_CLOSE : VALUE_OR_CLOSE);
}

function close(scan: Scan): undefined {
  scan.depth -= 1;
  pass(scan, afterValue(scan));
}

const afterValue = ({ depth }: Scan) => (depth === 0 ? NOTHING : COMMA_OR_CLOSE);

function readKey(scan: Scan, byte: number): Problem {
  if (byte !== QUOTE) return `Unexpected ${named(byte)}: was expecting double-quote to start field name`;
  scan.expected = COLON;
  return readString(scan);
}

function readValue(scan: Scan, byte: number): Problem {
  if (byte === 0x7b) return open(scan, CLOSE_OBJECT);
  if (byte === 0x5b) return open(scan, CLOSE_ARRAY);
  scan.expected = afterValue(scan);
  if (byte === QUOTE) return readString(scan);
  if (byte === 0x2d || isDigit(byte)) return readNumber(scan);
  const word = LITERALS.get(byte);
  if (word !== undefined) return readLiteral(scan, word);
  return `Unexpected ${named(byte)}: expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')`;
}

function readLiteral(scan: Scan, word: string): Problem {
  for (let index = 0; index < word.length; index++, scan.at++) {
    const byte = scan.bytes[scan.at];
    if (byte === undefined) return END;
    if (byte !== word.charCodeAt(index)) return `Unrecognized token: was expecting '${word}'`;
  }
  return undefined;
}

function readNumber(scan: Scan): Problem {
  const { bytes } = scan;
  if (bytes[scan.at] === 0x2d) {
    scan.at += 1;
    const problem = expectDigit(scan, 'expected a digit to follow a minus sign');
    if (problem !== undefined) return problem;
  }
  if (bytes[scan.at] === 0x30) {
    scan.at += 1;
    if (isDigit(bytes[scan.at])) return 'Invalid numeric value: Leading zeroes not allowed';
  } else skipDigits(scan);
  if (bytes[scan.at] === 0x2e) {
    scan.at += 1;
    const problem = expectDigit(scan, 'decimal point not followed by a digit');
    if (problem !== undefined) return problem;
    skipDigits(scan);
  }
  if (bytes[scan.at] !== 0x65 && bytes[scan.at] !== 0x45) return undefined;
  scan.at += 1;
  if (bytes[scan.at] === 0x2b || bytes[scan.at] === 0x2d) scan.at += 1;
  const problem = expectDigit(scan, 'exponent indicator not followed by a digit');
  if (problem === undefined) skipDigits(scan);
  return problem;
}

function expectDigit({ bytes, at }: Scan, rule: string): Problem {
  const byte = bytes[at];
  if (byte === undefined) return END;
  return isDigit(byte) ? undefined : `Unexpected ${named(byte)}: ${rule}`;
}

function skipDigits(scan: Scan): void {
  while (isDigit(scan.bytes[scan.at])) scan.at += 1;
}

function readString(scan: Scan): Problem {
  const { bytes } = scan;
  scan.at += 1;
  for (;;) {
    let { at } = scan;
    while (at < bytes.length && PLAIN[bytes[at] ?? 0] === 1) at += 1;
    scan.at = at;
    const byte = bytes[at];
    if (byte === undefined) return END;
    if (byte === QUOTE) {
      scan.at += 1;
      return undefined;
    }
    if (byte < 0x20)
      return `Illegal unquoted character ((CTRL-CHAR, code ${byte})): has to be escaped in a string value`;
    const problem = byte === BACKSLASH ? readEscape(scan) : readSequence(scan, byte);
    if (problem !== undefined) return problem;
  }
}

function readEscape(scan: Scan): Problem {
  const { bytes } = scan;
  scan.at += 1;
  const escaped = bytes[scan.at];
  if (escaped === undefined) return END;
  const isHexEscape = escaped === 0x75;
  if (!isHexEscape && !ESCAPABLE.has(escaped)) return `Unrecognized character escape: ${named(escaped)}`;
  scan.at += 1;
  for (let left = isHexEscape ? 4 : 0; left > 0; left--, scan.at++) {
    const byte = bytes[scan.at];
    if (byte === undefined) return END;
    if (!isHex(byte)) return `Unexpected ${named(byte)}: expected a hex-digit for character escape sequence`;
  }
  return undefined;
}

/** Reads a UTF-8 sequence of two to four bytes (RFC 3629 section 4). */
function readSequence(scan: Scan, start: number): Problem {
  if (start < 0xc2 || start > 0xf4) return `Invalid UTF-8 start byte 0x${start.toString(16)}`;
  let left = start < 0xe0 ? 1 : start < 0xf0 ? 2 : 3;
  let lowest = start === 0xe0 ? 0xa0 : start === 0xf0 ? 0x90 : 0x80;
  let highest = start === 0xed ? 0x9f : start === 0xf4 ? 0x8f : 0xbf;
  scan.at += 1;
  for (; left > 0; left--, scan.at++) {
    const byte = scan.bytes[scan.at];
    if (byte === undefined) return END;
    if (byte < lowest || byte > highest) return `Invalid UTF-8 middle byte 0x${byte.toString(16)}`;
    lowest = 0x80;
    highest = 0xbf;
  }
  return undefined;
}

/** Maximum number of bytes that are searched for a fault: about 3 ms of work. */
export const MAX_EXPLAINED_BYTES = 262_144;

/** Explains why bytes are not JSON. Reads only the first `MAX_EXPLAINED_BYTES`. */
export function explainFault(bytes: Uint8Array): JsonFault | UnlocatedJsonFault | undefined {
  const fault = findJsonFault(bytes.subarray(0, MAX_EXPLAINED_BYTES));
  if (bytes.length <= MAX_EXPLAINED_BYTES || (fault && fault.problem !== END)) return fault;
  return { afterBytes: MAX_EXPLAINED_BYTES, problem: 'The payload is not valid JSON' };
}
