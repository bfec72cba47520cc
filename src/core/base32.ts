const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

/** Encodes bytes as RFC 4648 base32 in lower case, without padding. 8 bytes give 13 characters, 32 bytes give 52. */
export function encodeBase32(bytes: Uint8Array): string {
  let text = '';
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET[(held >> bits) & 31];
    }
  }
  return bits > 0 ? text + ALPHABET[(held << (5 - bits)) & 31] : text;
}
