/** Bytes for bodies of one kind, and how owners share them. */
export interface PoolLimits {
  readonly capacityBytes: number;
  /** The most that is promised to one owner. */
  readonly shareBytes: number;
  /** No body is longer. At most `shareBytes`. */
  readonly maxClaimBytes: number;
  /** What an upload is promised when it begins. The rest of its claim is promised when this has come. */
  readonly startBytes: number;
  /** What becomes of a slow upload while another waits: `demote` keeps what has come, `drop` ends it. */
  readonly slow: 'demote' | 'drop';
  /** No upload is slow before it has had this long. */
  readonly graceMs: number;
}

/**
 * While another waits, an upload is slow if it brings less than this in a second, on average since its turn, or nothing
 * for `SILENCE_MS`. Low enough that uploads do not look slow because we are busy with many of them.
 */
export const PACE_BYTES_PER_SECOND = 128 * 1024;
const SILENCE_MS = 1_000;

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
  /** Who shares the pool: a tenant, or the key of a caller that is not proved. */
  readonly owner: string;
  /** The most that it may ever hold. */
  readonly claimBytes: number;
  /** Called when its state was changed by another upload. */
  readonly wake: (nowMs: number) => void;
  /** Whether it may be promised its whole claim yet, the pool's room apart. */
  readonly mayGrow: () => boolean;

  constructor(owner: string, claimBytes: number, wake: (nowMs: number) => void, mayGrow: () => boolean = () => true) {
    this.owner = owner;
    this.claimBytes = claimBytes;
    this.wake = wake;
    this.mayGrow = mayGrow;
  }
}

interface Owner {
  stakes: number;
  promisedBytes: number;
  /** Promised to uploads that were not promised their whole claim. */
  unfinishedBytes: number;
  /** Promised to uploads that have been dropped and have not let go yet. */
  leavingBytes: number;
  servedAt: number;
}

/** Whose room is too small. */
type Blocked = 'pool' | 'share';

/**
 * A pool of bytes that promises before anything is read, so that every promise can be kept: all promises together never
 * exceed the capacity, and an upload holds at most its promise. An upload begins with `startBytes`, and waits for the
 * rest of its claim when these have come: one that sends nothing takes little from the others.
 *
 * **Turns.** The owner with the fewest bytes promised goes first; among equals, the one served longest ago. An owner's own
 * uploads go in order. An owner that was promised a whole claim already may have at most twice what stays free, and never
 * more than `shareBytes`: so there is nearly always room for one who has nothing yet. Who is at its share delays nobody;
 * an upload for which the pool has no room delays those behind it, so that shorter ones cannot starve it.
 *
 * **No deadlock.** An upload that was promised its whole claim needs nobody else to complete. All others (begun with
 * `startBytes`, or demoted because they were slow) are promised at most `capacityBytes - maxClaimBytes` together, and
 * those of one owner at most `shareBytes - maxClaimBytes`: an upload that would exceed this does not begin, and is not
 * demoted. So when the promised ones have ended, the first in turn has room for its whole claim, completes, and so on.
 */
export class Pool {
  readonly limits: PoolLimits;
  readonly waiting = new Set<Stake>();
  readonly paused = new Set<Stake>();
  /** Those that may turn out to be slow. */
  readonly reading = new Set<Stake>();
  private readonly owners = new Map<string, Owner>();
  private promised = 0;
  private unfinished = 0;
  private leaving = 0;
  private served = 0;
  /** Uploads begin with a part of their claim. */
  private readonly startsSmall: boolean;

  constructor(limits: PoolLimits) {
    this.limits = limits;
    this.startsSmall = limits.startBytes < limits.maxClaimBytes;
  }

  /** Promised to all. */
  get promisedBytes(): number {
    return this.promised;
  }

  /** What is promised to an owner. */
  promisedTo(owner: string): number {
    return this.owners.get(owner)?.promisedBytes ?? 0;
  }

  /** Owners that the pool remembers: none when nothing is held and nobody waits. */
  get ownerCount(): number {
    return this.owners.size;
  }

  /** Begins an upload, or has it wait for its turn. */
  open(stake: Stake, nowMs: number): void {
    const owner = this.ownerOf(stake);
    owner.stakes += 1;
    if (this.wouldBegin(stake)) {
      this.begin(stake, Math.min(stake.claimBytes, this.limits.startBytes), nowMs);
      return;
    }
    this.waiting.add(stake);
    this.pump(nowMs);
  }

  /** Has an upload wait for its whole claim before it begins. */
  openWhole(stake: Stake, nowMs: number): void {
    if (!this.startsSmall) {
      this.open(stake, nowMs);
      return;
    }
    this.ownerOf(stake).stakes += 1;
    stake.state = 'paused';
    this.paused.add(stake);
    this.pump(nowMs);
  }

  /** Whether a newcomer would begin at once. */
  wouldBegin(stake: Stake): boolean {
    return this.waiting.size === 0 && this.newcomerBlockedBy(stake) === undefined;
  }

  /** Whether this owner would be promised a claim at once. */
  wouldPromise(owner: string, claimBytes: number): boolean {
    for (const stake of this.paused) if (stake.owner === owner) return false;
    return this.pausedBlockedBy({ owner, claimBytes, promisedBytes: 0 }) === undefined;
  }

  /** Holds more. @returns false if it may not, and must not be read: it is `paused` or `dropped`. */
  grow(stake: Stake, toBytes: number, nowMs: number): boolean {
    if (stake.state === 'reading' && toBytes > stake.promisedBytes) {
      this.reading.delete(stake);
      this.change(stake, 'paused', stake.promisedBytes);
      this.paused.add(stake);
      this.pump(nowMs);
    }
    if (stake.state !== 'reading') return false;
    stake.heldBytes = toBytes;
    return true;
  }

  /** Everything has come: what was promised beyond it is free. */
  complete(stake: Stake, nowMs: number): void {
    if (stake.state !== 'reading') return;
    this.reading.delete(stake);
    this.change(stake, 'whole', stake.heldBytes);
    this.pump(nowMs);
  }

  /** Gives bytes of a whole body back, at most those that it holds. */
  release(stake: Stake, bytes: number, nowMs: number): void {
    if (stake.state !== 'whole') return;
    stake.heldBytes -= Math.min(bytes, stake.heldBytes);
    this.change(stake, 'whole', stake.heldBytes);
    this.pump(nowMs);
  }

  /** Gives everything back, and leaves the line. */
  close(stake: Stake, nowMs: number): void {
    if (stake.state === 'closed') return;
    this.forget(stake);
    this.pump(nowMs);
  }

  /** Ends an upload, whose caller is woken and has to close it. One that has not begun is closed. */
  drop(stake: Stake, nowMs: number): void {
    if (stake.state === 'closed') return;
    if (stake.state === 'waiting') this.forget(stake);
    else {
      this.paused.delete(stake);
      this.reading.delete(stake);
      this.change(stake, 'dropped', stake.promisedBytes);
    }
    stake.wake(nowMs);
  }

  /** Grants what can be granted, and has slow uploads give way while others wait. */
  pump(nowMs: number): void {
    while (this.waiting.size + this.paused.size > 0) {
      const blocked = this.grantNext(nowMs);
      if (blocked && !this.relieve(blocked, nowMs)) return;
    }
  }

  private ownerOf({ owner: name }: Stake): Owner {
    let owner = this.owners.get(name);
    if (!owner) {
      owner = { stakes: 0, promisedBytes: 0, unfinishedBytes: 0, leavingBytes: 0, servedAt: 0 };
      this.owners.set(name, owner);
    }
    return owner;
  }

  private forget(stake: Stake): void {
    this.waiting.delete(stake);
    this.paused.delete(stake);
    this.reading.delete(stake);
    stake.heldBytes = 0;
    this.change(stake, 'closed', 0);
    const owner = this.ownerOf(stake);
    owner.stakes -= 1;
    if (owner.stakes === 0) this.owners.delete(stake.owner);
  }

  /** Changes a stake, and the sums with it. */
  private change(stake: Stake, state: Stake['state'], promisedBytes: number): void {
    const owner = this.ownerOf(stake);
    const unfinished = -this.unfinishedBytesOf(stake);
    const leaving = stake.state === 'dropped' ? -stake.promisedBytes : 0;
    const promised = promisedBytes - stake.promisedBytes;
    stake.state = state;
    stake.promisedBytes = promisedBytes;
    const nowUnfinished = unfinished + this.unfinishedBytesOf(stake);
    const nowLeaving = leaving + (state === 'dropped' ? promisedBytes : 0);
    this.promised += promised;
    owner.promisedBytes += promised;
    this.unfinished += nowUnfinished;
    owner.unfinishedBytes += nowUnfinished;
    this.leaving += nowLeaving;
    owner.leavingBytes += nowLeaving;
  }

  private unfinishedBytesOf({ state, promisedBytes, claimBytes }: Stake): number {
    if (state !== 'reading' && state !== 'paused') return 0;
    const small = this.startsSmall && promisedBytes <= this.limits.startBytes;
    return small || promisedBytes < claimBytes ? promisedBytes : 0;
  }

  private begin(stake: Stake, promisedBytes: number, nowMs: number): void {
    this.change(stake, 'reading', promisedBytes);
    this.served += 1;
    this.ownerOf(stake).servedAt = this.served;
    stake.turnAtMs = nowMs;
    stake.movedAtMs = nowMs;
    stake.turnCameBytes = stake.cameBytes;
    this.reading.add(stake);
  }

  /** Whether uploads may be promised this much more that cannot complete with it. */
  private hasWayOut(owner: Owner | undefined, bytes: number): Blocked | undefined {
    const { capacityBytes, shareBytes, maxClaimBytes } = this.limits;
    if (this.unfinished + bytes > capacityBytes - maxClaimBytes) return 'pool';
    return (owner?.unfinishedBytes ?? 0) + bytes > shareBytes - maxClaimBytes ? 'share' : undefined;
  }

  /** What keeps a newcomer from beginning, at present or, with `later`, once dropped uploads have let go. */
  private newcomerBlockedBy(stake: Pick<Stake, 'owner' | 'claimBytes'>, later = false): Blocked | undefined {
    const { capacityBytes, shareBytes, startBytes } = this.limits;
    const owner = this.owners.get(stake.owner);
    const ownBytes = (owner?.promisedBytes ?? 0) - (later ? (owner?.leavingBytes ?? 0) : 0);
    const bytes = Math.min(stake.claimBytes, startBytes);
    const freeBytes = capacityBytes - this.promised + (later ? this.leaving : 0) - bytes;
    if (ownBytes > 0 && ownBytes + bytes > Math.min(shareBytes, 2 * freeBytes)) return 'share';
    if (freeBytes < 0) return 'pool';
    return this.startsSmall ? this.hasWayOut(owner, bytes) : undefined;
  }

  /** What keeps a paused upload from its whole claim. */
  private pausedBlockedBy(
    {
      owner: name,
      claimBytes,
      promisedBytes,
      mayGrow,
    }: Pick<Stake, 'owner' | 'claimBytes' | 'promisedBytes'> & Partial<Pick<Stake, 'mayGrow'>>,
    later = false,
  ): Blocked | 'closed-gate' | undefined {
    const owner = this.owners.get(name);
    const leavingBytes = later ? (owner?.leavingBytes ?? 0) : 0;
    const moreBytes = claimBytes - promisedBytes;
    const ownBytes = (owner?.promisedBytes ?? 0) - leavingBytes;
    const hasWhole = ownBytes > (owner?.unfinishedBytes ?? 0);
    const freeBytes = this.limits.capacityBytes - this.promised + (later ? this.leaving : 0) - moreBytes;
    const { shareBytes } = this.limits;
    if (ownBytes + moreBytes > (hasWhole ? Math.min(shareBytes, 2 * freeBytes) : shareBytes)) return 'share';
    if (mayGrow && !mayGrow()) return 'closed-gate';
    return freeBytes < 0 ? 'pool' : undefined;
  }

  /** The first of each owner, in turn. */
  private inTurn(stakes: Iterable<Stake>): Stake[] {
    const first = new Map<string, { readonly stake: Stake; readonly owner: Owner }>();
    for (const stake of stakes) {
      if (!first.has(stake.owner)) first.set(stake.owner, { stake, owner: this.ownerOf(stake) });
    }
    const order = [...first.values()].sort(
      (a, b) => a.owner.promisedBytes - b.owner.promisedBytes || a.owner.servedAt - b.owner.servedAt,
    );
    return order.map(({ stake }) => stake);
  }

  /** Grants the first upload that has room. @returns those that wait for room, in turn, if none has. */
  private grantNext(nowMs: number): Stake[] | undefined {
    const blocked: Stake[] = [];
    for (const stake of this.inTurn(this.paused)) {
      const by = this.pausedBlockedBy(stake);
      if (by === undefined) {
        this.paused.delete(stake);
        this.begin(stake, stake.claimBytes, nowMs);
        stake.wake(nowMs);
        return undefined;
      }
      if (by !== 'closed-gate') blocked.push(stake);
      if (by === 'pool') break;
    }
    // These never take the room of those above: see `hasWayOut`.
    for (const stake of this.inTurn(this.waiting)) {
      const by = this.newcomerBlockedBy(stake);
      if (by === undefined) {
        this.waiting.delete(stake);
        this.begin(stake, Math.min(stake.claimBytes, this.limits.startBytes), nowMs);
        stake.wake(nowMs);
        return undefined;
      }
      blocked.push(stake);
      if (by === 'pool') break;
    }
    return blocked;
  }

  /** Has a slow upload give way to the first of these for which that helps. @returns whether one did. */
  private relieve(blocked: readonly Stake[], nowMs: number): boolean {
    for (const stake of blocked) {
      // Those that were dropped already may be enough.
      const by = stake.state === 'waiting' ? this.newcomerBlockedBy(stake, true) : this.pausedBlockedBy(stake, true);
      if (by === undefined || by === 'closed-gate') continue;
      const slow = this.slowest(by === 'share' ? stake.owner : undefined, nowMs);
      if (slow && this.limits.slow === 'demote') {
        this.change(slow, 'reading', slow.heldBytes);
        return true;
      }
      if (slow) {
        this.drop(slow, nowMs);
        return true;
      }
    }
    return false;
  }

  /** The slowest upload that can give way, of this owner or of all. */
  private slowest(owner: string | undefined, nowMs: number): Stake | undefined {
    let slowest: Stake | undefined;
    let lowestRate = PACE_BYTES_PER_SECOND;
    for (const stake of this.reading) {
      const elapsedMs = nowMs - stake.turnAtMs;
      if (elapsedMs < this.limits.graceMs || (owner !== undefined && stake.owner !== owner)) continue;
      const isSilent = nowMs - stake.movedAtMs >= SILENCE_MS;
      const rate = isSilent ? 0 : ((stake.cameBytes - stake.turnCameBytes) * 1_000) / Math.max(1, elapsedMs);
      if (rate >= lowestRate) continue;
      if (this.limits.slow === 'demote' && !this.canBeDemoted(stake)) continue;
      slowest = stake;
      lowestRate = rate;
    }
    return slowest;
  }

  /** What it was promised and has not used is lent on, and there is a way for it to complete all the same. */
  private canBeDemoted(stake: Stake): boolean {
    if (stake.heldBytes === stake.promisedBytes) return false;
    const more = stake.heldBytes - this.unfinishedBytesOf(stake);
    return this.hasWayOut(this.ownerOf(stake), more) === undefined;
  }
}
