/**
 * One upload's part of a pool.
 * - `waiting`: has not begun. Holds nothing and must not be read.
 * - `reading`: may hold up to `promisedBytes`.
 * - `paused`: its promise is used up. Keeps what it holds and must not be read.
 * - `whole`: all of it has come, and leaves bit by bit.
 * - `dropped`: has to let go, and counts until it has.
 * - `closed`: holds nothing.
 */
export class Stake {
  state: 'waiting' | 'reading' | 'paused' | 'whole' | 'dropped' | 'closed' = 'waiting';
  heldBytes = 0;
  promisedBytes = 0;
  cameBytes = 0;
  /** When bytes came last, or its turn did. */
  movedAtMs = 0;
  turnAtMs = 0;
  turnCameBytes = 0;
  /** Who shares the pool: a tenant; or, of a caller that is not proved, the network it calls from. */
  readonly owner: string;
  /** Which owners share as one, beside others: the key that an unproved caller names. */
  readonly group: string | undefined;
  /** The most that it may ever hold. */
  readonly claimBytes: number;
  /** Called when its state was changed by another upload. */
  readonly wake: (nowMs: number) => void;
  /** Whether it may be promised its whole claim yet, the pool's room apart. */
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
