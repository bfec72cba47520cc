import { maxPayloadBytes } from '../invoke/arguments.ts';
import type { InvocationType, Operation } from '../invoke/types.ts';
import { type LimitsDocument, quotasOf } from '../quota/limits.ts';
import type { PayloadRoom } from './payload-too-large.ts';

/** Returns the largest payload that the operation itself accepts. */
export const roomOfOperation = (operation: Operation, type: InvocationType): PayloadRoom => ({
  maxBytes: maxPayloadBytes(operation, type),
  limit: { of: 'operation', operation, type },
});

/**
 * Narrows a room to a tenant's limits and to the rule that allows the call. Of equal limits, the limit with the widest scope
 * is named. This function runs on every call, so it creates objects only for a limit that narrows the room.
 */
export function narrowRoom(
  room: PayloadRoom,
  { maxPayloadBytes, quotas }: LimitsDocument,
  permit: { readonly maxPayloadBytes: number } | undefined,
): PayloadRoom {
  let least = room;
  if (maxPayloadBytes !== undefined && maxPayloadBytes < least.maxBytes) {
    least = { maxBytes: maxPayloadBytes, limit: { of: 'tenant' } };
  }
  if (quotas?.some(({ payloadBytes }) => payloadBytes !== undefined && payloadBytes < least.maxBytes)) {
    for (const { limit, unit, amount } of quotasOf({ quotas })) {
      if (unit === 'bytes' && amount < least.maxBytes) {
        least = { maxBytes: amount, limit: { of: 'quota', name: limit } };
      }
    }
  }
  if (permit && permit.maxPayloadBytes < least.maxBytes) {
    least = { maxBytes: permit.maxPayloadBytes, limit: { of: 'rule' } };
  }
  return least;
}
