import { decodeBase64 } from '../base64.ts';
import { findJsonFault } from './json-check.ts';

const JSON_WHITE_SPACE = new Set([0x20, 0x09, 0x0a, 0x0d]);

/** True if `text` is base64 of a JSON object, as X-Amz-Client-Context must be. Does not check the length. */
export function isClientContext(text: string): boolean {
  const bytes = decodeBase64(text);
  const first = bytes?.find((byte) => !JSON_WHITE_SPACE.has(byte));
  return bytes !== undefined && first === 0x7b && findJsonFault(bytes) === undefined;
}
