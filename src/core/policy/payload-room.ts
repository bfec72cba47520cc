import { maxPayloadBytes } from '../invoke/arguments.ts';
import type { InvocationType, Operation } from '../invoke/types.ts';
import { type LimitsDocument, quotasOf } from '../quota/limits.ts';
import type { PayloadRoom } from './payload-too-large.ts';

/** What the operation itself takes. */
export const roomOfOperation = (operation: Operation, type: InvocationType): PayloadRoom => ({
  maxBytes: maxPayloadBytes(operation, type),
  limit: { of: 'operation', operation, type },
});

/**
 * What remains of a room by a tenant's limits and by the rule that allows the call. Of equal limits the widest counts.
 * Every call asks, so nothing is built but the result.
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
