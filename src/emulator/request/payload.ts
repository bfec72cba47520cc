import { type Refusal, refuse } from '../refusal.ts';
import { err, ok, type Result } from '../result.ts';
import type { Operation } from '../route.ts';
import type { InvocationType } from './arguments.ts';
import type { Body } from './body.ts';

/** The largest payload of a synchronous call (recorded). */
export const maxSyncPayloadBytes = 6_291_456;
/** The largest payload of an event (recorded, since 2025-10), and of the deprecated InvokeAsync (its documentation). */
const maxEventPayloadBytes = { Invoke: 1_048_576, InvokeAsync: 262_144 };

/** Checks a payload's size and that it is JSON; an empty one is allowed. Whether the exact limit fits is not recorded. */
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

/** The name on the wire is not the model's RequestTooLargeException (recorded). */
function tooLarge(message: string): Refusal {
  return refuse.caller(413, 'RequestEntityTooLargeException', message);
}

/** Explains what is wrong with a JSON text. The service uses its parser's words; these are ours. */
function jsonFault(bytes: Uint8Array): string | undefined {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
