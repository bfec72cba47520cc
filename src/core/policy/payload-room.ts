import { maxPayloadBytes } from '../invoke/arguments.ts';
import type { InvocationType, Operation } from '../invoke/types.ts';
import { type LimitsDocument, quotasOf } from '../quota/limits.ts';
import type { PayloadRoom } from './payload-too-large.ts';

/** What the operation itself takes. */
export const roomOfOperation = (operation: Operation, type: InvocationType): PayloadRoom => ({
  maxBytes: maxPayloadBytes(operation, type),
  limit: { of: 'operation', operation, type },
});

/** What remains of a room by a tenant's limits and by the rule that allows the call. Of equal limits the widest counts. */
export function narrowRoom(
  room: PayloadRoom,
  limits: LimitsDocument,
  permit: { readonly maxPayloadBytes: number } | undefined,
): PayloadRoom {
  const quotas = quotasOf(limits).filter(({ unit }) => unit === 'bytes');
  const others: readonly PayloadRoom[] = [
    ...(limits.maxPayloadBytes === undefined
      ? []
      : [{ maxBytes: limits.maxPayloadBytes, limit: { of: 'tenant' } } as const]),
    ...quotas.map(({ limit, amount }) => ({ maxBytes: amount, limit: { of: 'quota', name: limit } }) as const),
    ...(permit ? [{ maxBytes: permit.maxPayloadBytes, limit: { of: 'rule' } } as const] : []),
  ];
  return others.reduce((least, one) => (one.maxBytes < least.maxBytes ? one : least), room);
}
