import type { Actor } from '../core/identity/actor.ts';
import type { AdminAccess } from '../core/identity/admin-tokens.ts';

/** Who operates the gateway, with which access. The audit trail names this actor. */
export interface Admin extends Actor {
  readonly access: AdminAccess;
}

/** What an operation does with a tenant or the gateway. */
export type Need = 'read' | 'change';

const GRANTS: Readonly<Record<AdminAccess, readonly Need[]>> = { full: ['read', 'change'], read: ['read'] };

/** True if an access includes an operation. */
export const mayDo = ({ access }: Admin, need: Need): boolean => GRANTS[access]?.includes(need) === true;
