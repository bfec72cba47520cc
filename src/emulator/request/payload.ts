import { type Refusal, refuse } from '../refusal.ts';
import { err, ok, type Result } from '../result.ts';
import type { Operation } from '../route.ts';
import type { InvocationType } from './arguments.ts';
import type { Body } from './body.ts';

/** Maximum payload of a synchronous call in bytes (recorded). */
export const maxSyncPayloadBytes = 6_291_456;
/** Maximum payload in bytes of an event (recorded, since 2025-10) and of the deprecated InvokeAsync (from AWS's docs). */
const maxEventPayloadBytes = { Invoke: 1_048_576, InvokeAsync: 262_144 };

/**
 * Checks that a payload is small enough and is JSON. An empty payload is allowed.
 * No recording shows whether a payload of exactly the limit is accepted.
 */
export function checkPayload(body: Body, operation: Operation, type: InvocationType): Result<Uint8Array<ArrayBuffer>> {
  if (type === 'Event' && operation !== 'InvokeWithResponseStream') {
    const limit = maxEventPayloadBytes[operation];
    if (body.byteLength > limit) {
      const size = `${body.byteLength} byte payload is too large for the Event invocation type`;
      return err(tooLarge(`${size} (limit ${limit} bytes)`));
    }
  }
  if (body.bytes === null) {
    return err(tooLarge(`Request must be smaller than ${maxSyncPayloadBytes} bytes for the InvokeFunction operation`));
  }
  const fault = body.byteLength === 0 ? undefined : jsonFault(body.bytes);
  if (fault === undefined) return ok(body.bytes);
  const message = `Could not parse request body into json: Could not parse payload into json: ${fault}`;
  return err(refuse.caller(400, 'InvalidRequestContentException', message));
}

/** The error's name on the wire differs from `RequestTooLargeException` in the API model (recorded). */
function tooLarge(message: string): Refusal {
  return refuse.caller(413, 'RequestEntityTooLargeException', message);
}

/** Returns the fault of a JSON text, if any. The words are those of our JSON parser, not of the service's. */
function jsonFault(bytes: Uint8Array): string | undefined {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
