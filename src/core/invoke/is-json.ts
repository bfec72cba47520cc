/** In place of a byte, behind the last one. */
const NOTHING = 0;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** 1 for a byte that stands for itself in a string: printable ASCII but `"` and `\`. */
const PLAIN = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x20 && byte < 0x80 && byte !== QUOTE && byte !== BACKSLASH ? 1 : 0,
);
/** What may stand behind a backslash, but for `u`. */
const ESCAPABLE = Uint8Array.from({ length: 256 }, (_, byte) =>
  '"\\/bfnrt'.includes(String.fromCharCode(byte)) ? 1 : 0,
);
const HEX = Uint8Array.from({ length: 256 }, (_, byte) => (/[0-9a-fA-F]/.test(String.fromCharCode(byte)) ? 1 : 0));

const LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;
/** From here on a string is read by aligned words, which is twice as fast. */
const LONG = 16;
const ONES = 0x01010101;
const HIGH = 0x80808080 | 0;
const QUOTES = QUOTE * ONES;
const BACKSLASHES = BACKSLASH * ONES;

/**
 * Says whether bytes are one JSON text (RFC 8259) in UTF-8 without a byte order mark, as fast as this language does: four
 * bytes at a time in long strings, all state in local variables. What is wrong, and where, is for `json-check.ts` to say,
 * with which a property test holds it together.
 */
export function isJson(bytes: Uint8Array): boolean {
  const end = bytes.length;
  const view = new DataView(bytes.buffer, bytes.byteOffset, end);
  const isAligned = LITTLE_ENDIAN && bytes.byteOffset % 4 === 0;
  const words = new Int32Array(bytes.buffer, isAligned ? bytes.byteOffset : 0, isAligned ? end >>> 2 : 0);
  let kinds = new Uint8Array(64); // of each open bracket: 1 for `{`
  let depth = 0;
  let inObject = false;
  let at = 0;
  let byte = NOTHING;

  for (;;) {
    // A value; or, in an object, the key before it.
    at = skipSpace(bytes, at, end);
    byte = bytes[at] ?? NOTHING;
    if (inObject) {
      if (byte !== QUOTE) return false;
      at = skipString(bytes, view, words, at + 1, end);
      if (at < 0) return false;
      at = skipSpace(bytes, at, end);
      byte = bytes[at] ?? NOTHING;
      if (byte !== 0x3a) return false;
      at++;
      at = skipSpace(bytes, at, end);
      byte = bytes[at] ?? NOTHING;
    }
    if (byte === QUOTE) {
      at = skipString(bytes, view, words, at + 1, end);
      if (at < 0) return false;
    } else if (byte === 0x7b || byte === 0x5b) {
      const isObject = byte === 0x7b;
      at++;
      at = skipSpace(bytes, at, end);
      byte = bytes[at] ?? NOTHING;
      if (byte === (isObject ? 0x7d : 0x5d)) at++;
      else {
        if (depth === kinds.length) {
          const more = new Uint8Array(depth * 2);
          more.set(kinds);
          kinds = more;
        }
        kinds[depth++] = isObject ? 1 : 0;
        inObject = isObject;
        continue;
      }
    } else {
      at = byte === 0x2d || (byte >= 0x30 && byte <= 0x39) ? skipNumber(bytes, at, end) : skipLiteral(bytes, at, byte);
      if (at < 0) return false;
    }
    // Behind a value: brackets that close, and then a comma or the end.
    for (;;) {
      at = skipSpace(bytes, at, end);
      byte = bytes[at] ?? NOTHING;
      if (at >= end) return depth === 0;
      if (depth === 0) return false;
      at++;
      if (byte === 0x2c) break;
      if (byte !== (inObject ? 0x7d : 0x5d)) return false;
      depth--;
      inObject = depth > 0 && kinds[depth - 1] === 1;
    }
  }
}

const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

function skipSpace(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && isSpace(bytes[at] as number)) at++;
  return at;
}

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39;

/** Skips the rest of a string. @returns where it goes on behind the closing quote; -1: it does not. */
function skipString(bytes: Uint8Array, view: DataView, words: Int32Array, from: number, end: number): number {
  let at = from;
  for (;;) {
    while (at <= end - 4) {
      const odd = oddBytes(view.getInt32(at, true));
      if (odd !== 0) {
        at += (31 - Math.clz32(odd & -odd)) >> 3;
        break;
      }
      at += 4;
      if (at - from > LONG && words.length > 0) {
        // Back to where a word begins: what is there has been read.
        let word = at >>> 2;
        while (word < words.length && oddBytes(words[word] as number) === 0) word++;
        at = word << 2;
      }
    }
    while (at < end && PLAIN[bytes[at] as number] === 1) at++;
    if (at >= end) return -1;
    const byte = bytes[at] as number;
    if (byte === QUOTE) return at + 1;
    at = byte === BACKSLASH ? skipEscape(bytes, at + 1) : byte >= 0x80 ? skipSequence(bytes, at, byte) : -1;
    if (at < 0) return -1;
  }
}

/**
 * The high bits of those of four bytes that do not stand for themselves; of the first of them for certain, of those
 * behind it perhaps too ("Bit Twiddling Hacks", hasless and haszero).
 */
function oddBytes(word: number): number {
  const quote = word ^ QUOTES;
  const backslash = word ^ BACKSLASHES;
  const low = (word - 0x20 * ONES) & ~word;
  return (word | low | ((quote - ONES) & ~quote) | ((backslash - ONES) & ~backslash)) & HIGH;
}

function skipEscape(bytes: Uint8Array, at: number): number {
  const byte = bytes[at];
  if (byte === undefined) return -1;
  if (ESCAPABLE[byte] === 1) return at + 1;
  if (byte !== 0x75) return -1;
  for (let digit = 1; digit <= 4; digit++) if (HEX[bytes[at + digit] ?? 0] !== 1) return -1;
  return at + 5;
}

/** A character of more than one byte (RFC 3629 section 4). */
function skipSequence(bytes: Uint8Array, at: number, first: number): number {
  if (first < 0xc2 || first > 0xf4) return -1;
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  const lowest = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const highest = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  const second = bytes[at + 1] ?? 0;
  if (second < lowest || second > highest) return -1;
  for (let more = 2; more < length; more++) if (((bytes[at + more] ?? 0) & 0xc0) !== 0x80) return -1;
  return at + length;
}

function skipNumber(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  if (bytes[at] === 0x2d) at++;
  if (!isDigit(bytes[at])) return -1;
  if (bytes[at++] !== 0x30) while (at < end && isDigit(bytes[at])) at++;
  else if (isDigit(bytes[at])) return -1;
  if (bytes[at] === 0x2e) {
    if (!isDigit(bytes[++at])) return -1;
    while (at < end && isDigit(bytes[at])) at++;
  }
  const exponent = bytes[at];
  if (exponent === 0x65 || exponent === 0x45) {
    const sign = bytes[++at];
    if (sign === 0x2b || sign === 0x2d) at++;
    if (!isDigit(bytes[at])) return -1;
    while (at < end && isDigit(bytes[at])) at++;
  }
  return at;
}

const WORDS = ['true', 'false', 'null'].map((word) => Uint8Array.from(word, (character) => character.charCodeAt(0)));

function skipLiteral(bytes: Uint8Array, at: number, first: number): number {
  const word = WORDS.find(([initial]) => initial === first);
  if (!word) return -1;
  for (let index = 1; index < word.length; index++) if (bytes[at + index] !== word[index]) return -1;
  return at + word.length;
}
