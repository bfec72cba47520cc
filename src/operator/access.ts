import type { Actor } from '../core/identity/actor.ts';
import type { AdminAccess } from '../core/identity/admin-tokens.ts';

/** An operator of the gateway and their access. The audit trail names this actor. */
export interface Admin extends Actor {
  readonly access: AdminAccess;
}

/** The kind of access that an operation needs. */
export type Need = 'read' | 'change';

const GRANTS: Readonly<Record<AdminAccess, readonly Need[]>> = { full: ['read', 'change'], read: ['read'] };

/** True if the admin's access covers what an operation needs. */
export const mayDo = ({ access }: Admin, need: Need): boolean => GRANTS[access]?.includes(need) === true;
