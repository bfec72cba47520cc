import type { InvocationType, Operation } from '../invoke/types.ts';
import type { LimitName } from '../quota/limits.ts';

/** The bytes of payload that a call may have, and which limit says so. */
export interface PayloadRoom {
  readonly maxBytes: number;
  readonly limit:
    | { readonly of: 'operation'; readonly operation: Operation; readonly type: InvocationType }
    | { readonly of: 'tenant' | 'rule' }
    /** Of a quota of payload bytes the whole: what is larger will fit in no period. */
    | { readonly of: 'quota'; readonly name: LimitName };
}

/** What is said of a payload that does not fit; of the operation's limits in the service's own words (recorded). */
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
      return `${bytes} byte payload is too large: the limit of this tenant, 'maxPayloadBytes', is ${maxBytes} bytes`;
    case 'rule':
      return `${bytes} byte payload is too large: the rule that allows this call, by its 'maxPayloadBytes', allows ${maxBytes} bytes`;
    case 'quota':
      return `${bytes} byte payload is too large: it can never fit in the quota '${limit.name}' of ${maxBytes} bytes`;
  }
}
