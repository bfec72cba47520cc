import { refuse } from '../refusal.ts';
import { err, ok, type Result } from '../result.ts';

/** "Up to 3,583 bytes of base64-encoded data" (API model of Invoke). */
const maxClientContextBytes = 3583;

/** Decodes a client context to its JSON text. Undefined if the call has none. */
export function parseClientContext(encoded: string | undefined): Result<string | undefined> {
  if (encoded === undefined) return ok(undefined);
  if (encoded.length > maxClientContextBytes) {
    // The service's answer to a long client context is not recorded, so the wording is ours.
    return err(invalid(`Client context must be no longer than ${maxClientContextBytes} bytes.`));
  }
  const json = decodeObject(encoded);
  return json === undefined ? err(invalid('Client context must be a valid Base64-encoded JSON object.')) : ok(json);
}

function decodeObject(encoded: string): string | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return undefined;
  try {
    const json = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(encoded, 'base64'));
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? json : undefined;
  } catch {
    return undefined;
  }
}

function invalid(message: string) {
  return refuse.caller(400, 'InvalidRequestContentException', message);
}
