/**
 * One upload's part of a pool.
 * - `waiting`: has not begun. Holds nothing and must not be read.
 * - `reading`: may hold up to `promisedBytes`.
 * - `paused`: its promise is used up. Keeps what it holds and must not be read.
 * - `whole`: has arrived completely, and leaves piece by piece.
 * - `dropped`: must be closed, and counts until then.
 * - `closed`: holds nothing.
 */
export class Stake {
  state: 'waiting' | 'reading' | 'paused' | 'whole' | 'dropped' | 'closed' = 'waiting';
  heldBytes = 0;
  promisedBytes = 0;
  cameBytes = 0;
  /** When the last bytes arrived, or when its turn began if that was later. */
  movedAtMs = 0;
  turnAtMs = 0;
  turnCameBytes = 0;
  /** Who shares the pool: a tenant, or for an unproved caller its key and network. */
  readonly owner: string;
  /** The group whose owners take turns with others as one: the key that an unproved caller names. */
  readonly group: string | undefined;
  /** The most bytes that it may ever hold. */
  readonly claimBytes: number;
  /** Called when another upload has changed the state of this one. */
  readonly wake: (nowMs: number) => void;
  /** True if it may be promised its whole claim now. Says nothing about the pool's room. */
  readonly mayGrow: () => boolean;

  constructor(
    owner: string,
    claimBytes: number,
    wake: (nowMs: number) => void,
    mayGrow: () => boolean = () => true,
    group?: string,
  ) {
    this.owner = owner;
    this.group = group;
    this.claimBytes = claimBytes;
    this.wake = wake;
    this.mayGrow = mayGrow;
  }
}
