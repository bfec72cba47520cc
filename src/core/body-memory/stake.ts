/**
 * The part of a pool that belongs to one upload.
 * - `waiting`: has not begun. Holds nothing and must not be read.
 * - `reading`: may hold up to `promisedBytes`.
 * - `paused`: waits for the rest of its claim. Keeps the bytes that it holds and must not be read.
 * - `whole`: has arrived completely, and leaves piece by piece.
 * - `dropped`: must be closed. Until then, its promise still counts.
 * - `closed`: holds nothing.
 */
export class Stake {
  state: 'waiting' | 'reading' | 'paused' | 'whole' | 'dropped' | 'closed' = 'waiting';
  heldBytes = 0;
  promisedBytes = 0;
  cameBytes = 0;
  /** When the latest bytes arrived or the turn began, whichever is later. */
  movedAtMs = 0;
  turnAtMs = 0;
  turnCameBytes = 0;
  /** The owner that this upload counts against: a tenant or, for an unproved caller, a key and its network. */
  readonly owner: string;
  /**
   * The owner's group: the key that an unproved caller names. The owners of a group take turns with others as a single
   * owner.
   */
  readonly group: string | undefined;
  /** Maximum bytes that the upload may ever hold. */
  readonly claimBytes: number;
  /** Called when the pool has changed the state of this upload. */
  readonly wake: (nowMs: number) => void;
  /** Returns true if the whole claim may be promised now. Does not check the room in the upload's own pool. */
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
