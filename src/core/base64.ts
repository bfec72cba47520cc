const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const SIX_BITS = new Map([...ALPHABET].map((character, index) => [character, index]));

/** Decodes standard base64 (RFC 4648 section 4). Padding is optional. Undefined if the text is not base64. */
export function decodeBase64(text: string): Uint8Array | undefined {
  const match = /^([A-Za-z0-9+/]*)(={0,2})$/.exec(text);
  const data = match?.[1];
  if (data === undefined || data.length % 4 === 1) return undefined;
  if (match?.[2] && text.length % 4 !== 0) return undefined;
  const bytes = new Uint8Array(Math.floor((data.length * 6) / 8));
  let bits = 0;
  let held = 0;
  let at = 0;
  for (const character of data) {
    held = ((held << 6) | (SIX_BITS.get(character) ?? 0)) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (held >> bits) & 0xff;
    }
  }
  return bytes;
}
