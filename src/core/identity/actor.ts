import type { AdminTokenId } from './admin-tokens.ts';

/** Who changes something: the name of an admin token, and its id unless it is the root token. */
export interface Actor {
  readonly name: string;
  readonly id?: AdminTokenId;
}

/** The holder of `POSTERN_ADMIN_TOKEN`. */
export const ROOT_ACTOR: Actor = { name: 'root' };
