// AssemblyScript (https://www.assemblyscript.org). `npm run build:wasm` compiles this file to ../is-json.wasm, and a test
// checks that both match.
//
// Checks that bytes are one JSON text (RFC 8259) in UTF-8 without a byte order mark. Strings are read sixteen bytes at a
// time. The text begins at TEXT. This module writes zeros after the text, which end any token. After the zeros, it keeps
// one bit for each open bracket: 1 for `{`, 0 for `[`.

/** Offset of the text in memory. */
const TEXT: usize = 1024;
/** Number of zero bytes after the text. No read goes further past the end of the text. */
const PADDING: usize = 32;

// @ts-ignore: decorator
@inline function byteAt(at: usize): u32 {
  return load<u8>(at);
}

// @ts-ignore: decorator
@inline function isDigit(byte: u32): bool {
  return byte - 0x30 <= 9;
}

// @ts-ignore: decorator
@inline function skipSpace(at: usize): usize {
  let byte = byteAt(at);
  while (byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09) byte = byteAt(++at);
  return at;
}

/** Skips the rest of a string. Returns the offset after the closing quote, or 0 if the string is not valid. */
function skipString(at: usize): usize {
  const quotes = i8x16.splat(0x22);
  const backslashes = i8x16.splat(0x5c);
  const spaces = i8x16.splat(0x20);
  for (;;) {
    for (;;) {
      const bytes = v128.load(at);
      // As signed bytes, all non-ASCII bytes are also less than a space.
      const marks = v128.or(i8x16.eq(bytes, quotes), i8x16.eq(bytes, backslashes));
      const odd = i8x16.bitmask(v128.or(marks, i8x16.lt_s(bytes, spaces)));
      if (odd != 0) {
        at += ctz(odd);
        break;
      }
      at += 16;
    }
    const byte = byteAt(at);
    if (byte == 0x22) return at + 1;
    at = byte == 0x5c ? skipEscape(at + 1) : byte >= 0x80 ? skipSequence(at, byte) : 0;
    if (at == 0) return 0;
  }
  return 0;
}

function skipEscape(at: usize): usize {
  const byte = byteAt(at);
  if (byte == 0x75) {
    for (let digit: usize = 1; digit <= 4; digit++) {
      const hex = byteAt(at + digit);
      if (!isDigit(hex) && (hex | 0x20) - 0x61 > 5) return 0;
    }
    return at + 5;
  }
  const isKnown =
    byte == 0x22 || byte == 0x5c || byte == 0x2f || byte == 0x62 || byte == 0x66 || byte == 0x6e || byte == 0x72 || byte == 0x74;
  return isKnown ? at + 1 : 0;
}

/** Skips a character of more than one byte (RFC 3629 section 4). Returns 0 if the character is not valid. */
function skipSequence(at: usize, first: u32): usize {
  if (first < 0xc2 || first > 0xf4) return 0;
  const length: usize = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  const lowest: u32 = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  const highest: u32 = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  const second = byteAt(at + 1);
  if (second < lowest || second > highest) return 0;
  for (let more: usize = 2; more < length; more++) if ((byteAt(at + more) & 0xc0) != 0x80) return 0;
  return at + length;
}

function skipNumber(at: usize): usize {
  if (byteAt(at) == 0x2d) at++;
  if (!isDigit(byteAt(at))) return 0;
  if (byteAt(at++) != 0x30) {
    while (isDigit(byteAt(at))) at++;
  } else if (isDigit(byteAt(at))) return 0;
  if (byteAt(at) == 0x2e) {
    if (!isDigit(byteAt(++at))) return 0;
    while (isDigit(byteAt(at))) at++;
  }
  if ((byteAt(at) | 0x20) == 0x65) {
    const sign = byteAt(++at);
    if (sign == 0x2b || sign == 0x2d) at++;
    if (!isDigit(byteAt(at))) return 0;
    while (isDigit(byteAt(at))) at++;
  }
  return at;
}

function skipLiteral(at: usize): usize {
  const word = load<u32>(at);
  if (word == 0x65757274) return at + 4; // true
  if (word == 0x6c6c756e) return at + 4; // null
  return word == 0x736c6166 && byteAt(at + 4) == 0x65 ? at + 5 : 0; // false
}

/** Returns 1 if the text of this length is JSON, otherwise 0. The caller must make the memory large enough beforehand. */
export function isJson(length: u32): i32 {
  const end = TEXT + length;
  const brackets = end + PADDING;
  memory.fill(end, 0, PADDING);
  let at: usize = TEXT;
  let depth: usize = 0;
  let inObject = false;
  for (;;) {
    // A value, or in an object a key and then its value.
    at = skipSpace(at);
    if (inObject) {
      if (byteAt(at) != 0x22) return 0;
      at = skipString(at + 1);
      if (at == 0) return 0;
      at = skipSpace(at);
      if (byteAt(at) != 0x3a) return 0;
      at = skipSpace(at + 1);
    }
    const byte = byteAt(at);
    if (byte == 0x22) at = skipString(at + 1);
    else if (byte == 0x7b || byte == 0x5b) {
      at = skipSpace(at + 1);
      if (byteAt(at) == byte + 2) at++;
      else {
        inObject = byte == 0x7b;
        const place = brackets + (depth >> 3);
        const bit: u32 = 1 << (<u32>depth & 7);
        store<u8>(place, inObject ? byteAt(place) | bit : byteAt(place) & ~bit);
        depth++;
        continue;
      }
    } else at = byte == 0x2d || isDigit(byte) ? skipNumber(at) : skipLiteral(at);
    if (at == 0) return 0;
    // After a value come closing brackets, and then a comma or the end.
    for (;;) {
      at = skipSpace(at);
      if (at >= end) return at == end && depth == 0 ? 1 : 0;
      if (depth == 0) return 0;
      const next = byteAt(at++);
      if (next == 0x2c) break;
      if (next != (inObject ? 0x7d : 0x5d)) return 0;
      depth--;
      const outer = depth - 1;
      inObject = depth > 0 && ((byteAt(brackets + (outer >> 3)) >> (<u32>outer & 7)) & 1) == 1;
    }
  }
  return 0;
}
