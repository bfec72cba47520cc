import type { AdminTokenId } from './admin-tokens.ts';

/** The admin token that makes a change: its name, and its id. The root token has no id. */
export interface Actor {
  readonly name: string;
  readonly id?: AdminTokenId;
}

/** The actor of a change that is made with `POSTERN_ADMIN_TOKEN`, the root token. */
export const ROOT_ACTOR: Actor = { name: 'root' };
