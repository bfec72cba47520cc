import type { InvocationType, Operation } from '../invoke/types.ts';
import type { LimitName } from '../quota/limits.ts';

/** The largest payload that a call may have, and the limit that sets this maximum. */
export interface PayloadRoom {
  readonly maxBytes: number;
  readonly limit:
    | { readonly of: 'operation'; readonly operation: Operation; readonly type: InvocationType }
    | { readonly of: 'tenant' | 'rule' }
    /** The full amount of a quota of payload bytes. A larger payload fits in no period. */
    | { readonly of: 'quota'; readonly name: LimitName };
}

/** Writes the message for a payload that is too large. For an operation's limit, the words are the service's (recorded). */
export function describeTooLarge({ maxBytes, limit }: PayloadRoom, bytes: number): string {
  switch (limit.of) {
    case 'operation':
      if (limit.operation === 'InvokeAsync') {
        return `${bytes} byte payload is too large for the InvokeAsync operation (limit ${maxBytes} bytes)`;
      }
      return limit.type === 'Event'
        ? `${bytes} byte payload is too large for the Event invocation type (limit ${maxBytes} bytes)`
        : `Request must be smaller than ${maxBytes} bytes for the InvokeFunction operation`;
    case 'tenant':
      return `${bytes} byte payload is too large: this tenant's 'maxPayloadBytes' is ${maxBytes} bytes`;
    case 'rule':
      return `${bytes} byte payload is too large: the rule that allows this call has a 'maxPayloadBytes' of ${maxBytes} bytes`;
    case 'quota':
      return `${bytes} byte payload is too large: it can never fit in the quota '${limit.name}' of ${maxBytes} bytes`;
  }
}
