import { type Owner, Owners } from './owners.ts';
import type { Stake } from './stake.ts';

/** Memory for bodies of one kind, and how owners share it. */
export interface PoolLimits {
  readonly capacityBytes: number;
  /** Most bytes promised to one owner. */
  readonly shareBytes: number;
  /** Most bytes promised to all owners of one group. At least `shareBytes`. Default `shareBytes`. */
  readonly groupShareBytes?: number;
  /** The longest body, in bytes. At most `shareBytes`. */
  readonly maxClaimBytes: number;
  /** Bytes promised to an upload when it begins. The rest of its claim is promised when these have arrived. */
  readonly startBytes: number;
  /** What happens to a slow upload while another waits: `demote` keeps the bytes received, `drop` ends the upload. */
  readonly slow: 'demote' | 'drop';
  /** Milliseconds that an upload's turn lasts before its pace is judged, and without bytes until it counts as silent. */
  readonly graceMs: number;
}

/** Bytes that an owner, or a group of owners, may have for each byte that stays free. */
export const OWNER_TO_FREE = 2;
export const GROUP_TO_FREE = 16;

/**
 * While another waits, an upload is slow if it brings less than this per second on average since its turn began, or
 * nothing for `graceMs`. Low enough that no upload looks slow only because we are busy with many.
 */
export const PACE_BYTES_PER_SECOND = 128 * 1024;

/** The limit that blocks a promise. */
type Blocked = 'pool' | 'group' | 'share';

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
 * **Groups.** Owners of one group take turns with others as one owner, and have at most 16 times what stays free. So
 * within a group there is nearly always room for another owner's largest body, and beside it for other groups' short ones.
 *
 * **No deadlock.** An upload that was promised its whole claim needs nobody else to complete. All others (begun with
 * `startBytes`, or demoted because they were slow) are promised at most `capacityBytes - maxClaimBytes` together, and
 * those of one owner or group at most its share less `maxClaimBytes`: an upload that would exceed this does not begin, and is not
 * demoted. So when the promised ones have ended, the first in turn has room for its whole claim, completes, and so on.
 */
export class Pool {
  readonly limits: PoolLimits;
  readonly waiting = new Set<Stake>();
  readonly paused = new Set<Stake>();
  /** Uploads that may turn out to be slow. */
  readonly reading = new Set<Stake>();
  private readonly owners = new Owners();
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

  /** Bytes promised to all owners. */
  get promisedBytes(): number {
    return this.promised;
  }

  /** Bytes promised to one owner. */
  promisedTo(owner: string): number {
    return this.owners.find(owner)?.promisedBytes ?? 0;
  }

  /** Owners that the pool remembers: none when nothing is held and nobody waits. */
  get ownerCount(): number {
    return this.owners.size;
  }

  /** Begins an upload, or makes it wait for its turn. */
  open(stake: Stake, nowMs: number): void {
    const owner = this.owners.of(stake);
    owner.stakes += 1;
    if (this.wouldBegin(stake)) {
      this.begin(stake, Math.min(stake.claimBytes, this.limits.startBytes), nowMs);
      return;
    }
    this.waiting.add(stake);
    this.pump(nowMs);
  }

  /** Makes an upload wait for its whole claim before it begins. */
  openWhole(stake: Stake, nowMs: number): void {
    if (!this.startsSmall) {
      this.open(stake, nowMs);
      return;
    }
    this.owners.of(stake).stakes += 1;
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

  /** Raises what an upload holds. @returns false if it may not hold more and must not be read: it is `paused` or `dropped`. */
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

  /** Marks an upload as whole, and frees what was promised beyond the bytes received. */
  complete(stake: Stake, nowMs: number): void {
    if (stake.state !== 'reading') return;
    this.reading.delete(stake);
    this.change(stake, 'whole', stake.heldBytes);
    this.pump(nowMs);
  }

  /** Frees bytes of a whole body, at most those that it holds. */
  release(stake: Stake, bytes: number, nowMs: number): void {
    if (stake.state !== 'whole') return;
    stake.heldBytes -= Math.min(bytes, stake.heldBytes);
    this.change(stake, 'whole', stake.heldBytes);
    this.pump(nowMs);
  }

  /** Frees everything and leaves the queue. */
  close(stake: Stake, nowMs: number): void {
    if (stake.state === 'closed') return;
    this.forget(stake);
    this.pump(nowMs);
  }

  /** Ends an upload and wakes its caller, which must close it. An upload that has not begun is closed here. */
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

  /** Grants what can be granted, and makes slow uploads give way while others wait. */
  pump(nowMs: number): void {
    while (this.waiting.size + this.paused.size > 0) {
      const blocked = this.grantNext(nowMs);
      if (blocked && !this.relieve(blocked, nowMs)) return;
    }
  }

  private forget(stake: Stake): void {
    this.waiting.delete(stake);
    this.paused.delete(stake);
    this.reading.delete(stake);
    stake.heldBytes = 0;
    this.change(stake, 'closed', 0);
    this.owners.leave(this.owners.of(stake));
  }

  /** Changes a stake, and updates the sums. */
  private change(stake: Stake, state: Stake['state'], promisedBytes: number): void {
    const unfinished = -this.unfinishedBytesOf(stake);
    const leaving = stake.state === 'dropped' ? -stake.promisedBytes : 0;
    const promised = promisedBytes - stake.promisedBytes;
    stake.state = state;
    stake.promisedBytes = promisedBytes;
    const nowUnfinished = unfinished + this.unfinishedBytesOf(stake);
    const nowLeaving = leaving + (state === 'dropped' ? promisedBytes : 0);
    this.promised += promised;
    this.unfinished += nowUnfinished;
    this.leaving += nowLeaving;
    for (let owner: Owner | undefined = this.owners.of(stake); owner; owner = owner.group) {
      owner.promisedBytes += promised;
      owner.unfinishedBytes += nowUnfinished;
      owner.leavingBytes += nowLeaving;
    }
  }

  private unfinishedBytesOf({ state, promisedBytes, claimBytes }: Stake): number {
    if (state !== 'reading' && state !== 'paused') return 0;
    const small = this.startsSmall && promisedBytes <= this.limits.startBytes;
    return small || promisedBytes < claimBytes ? promisedBytes : 0;
  }

  private begin(stake: Stake, promisedBytes: number, nowMs: number): void {
    this.change(stake, 'reading', promisedBytes);
    this.served += 1;
    for (let owner: Owner | undefined = this.owners.of(stake); owner; owner = owner.group) owner.servedAt = this.served;
    stake.turnAtMs = nowMs;
    stake.movedAtMs = nowMs;
    stake.turnCameBytes = stake.cameBytes;
    this.reading.add(stake);
  }

  private shareOf(level: 'share' | 'group'): number {
    const { shareBytes, groupShareBytes = shareBytes } = this.limits;
    return level === 'share' ? shareBytes : groupShareBytes;
  }

  /** Whether uploads may be promised this much more that cannot complete with it. */
  private hasWayOut(owner: Owner | undefined, bytes: number): Blocked | undefined {
    const { capacityBytes, maxClaimBytes } = this.limits;
    if (this.unfinished + bytes > capacityBytes - maxClaimBytes) return 'pool';
    let level: 'share' | 'group' = 'share';
    for (let one = owner; one; one = one.group, level = 'group') {
      if (one.unfinishedBytes + bytes > this.shareOf(level) - maxClaimBytes) return level;
    }
    return undefined;
  }

  /** Whose share is too small for this much more: the owner's, or its group's. */
  private shareBlockedBy(
    owner: Owner | undefined,
    bytes: number,
    { isNew, freeBytes, later }: { readonly isNew: boolean; readonly freeBytes: number; readonly later: boolean },
  ): 'share' | 'group' | undefined {
    let level: 'share' | 'group' = 'share';
    for (let one = owner; one; one = one.group, level = 'group') {
      const ownBytes = one.promisedBytes - (later ? one.leavingBytes : 0);
      const leavesRoom = ownBytes > (isNew ? 0 : one.unfinishedBytes);
      const most = leavesRoom
        ? (level === 'share' ? OWNER_TO_FREE : GROUP_TO_FREE) * freeBytes
        : Number.POSITIVE_INFINITY;
      if (ownBytes + bytes > Math.min(this.shareOf(level), most)) return level;
    }
    return undefined;
  }

  /** What keeps a newcomer from beginning, at present or, with `later`, once dropped uploads have let go. */
  private newcomerBlockedBy(stake: Pick<Stake, 'owner' | 'claimBytes'>, later = false): Blocked | undefined {
    const { capacityBytes, startBytes } = this.limits;
    const owner = this.owners.find(stake.owner);
    const bytes = Math.min(stake.claimBytes, startBytes);
    const freeBytes = capacityBytes - this.promised + (later ? this.leaving : 0) - bytes;
    const by = this.shareBlockedBy(owner, bytes, { isNew: true, freeBytes, later });
    if (by !== undefined) return by;
    if (freeBytes < 0) return 'pool';
    return this.startsSmall ? this.hasWayOut(owner, bytes) : undefined;
  }

  /** What keeps a paused upload from its whole claim. */
  private pausedBlockedBy(
    {
      owner,
      claimBytes,
      promisedBytes,
      mayGrow,
    }: Pick<Stake, 'owner' | 'claimBytes' | 'promisedBytes'> & Partial<Pick<Stake, 'mayGrow'>>,
    later = false,
  ): Blocked | 'closed-gate' | undefined {
    const moreBytes = claimBytes - promisedBytes;
    const freeBytes = this.limits.capacityBytes - this.promised + (later ? this.leaving : 0) - moreBytes;
    const by = this.shareBlockedBy(this.owners.find(owner), moreBytes, { isNew: false, freeBytes, later });
    if (by !== undefined) return by;
    if (mayGrow && !mayGrow()) return 'closed-gate';
    return freeBytes < 0 ? 'pool' : undefined;
  }

  /** The first stake of each owner, in the order of turns. */
  private inTurn(stakes: Iterable<Stake>): Stake[] {
    const first = new Map<string, { readonly stake: Stake; readonly owner: Owner }>();
    for (const stake of stakes) {
      if (!first.has(stake.owner)) first.set(stake.owner, { stake, owner: this.owners.of(stake) });
    }
    const byNeed = (a: Owner, b: Owner) => a.promisedBytes - b.promisedBytes || a.servedAt - b.servedAt;
    const order = [...first.values()].sort(
      (a, b) => byNeed(a.owner.group ?? a.owner, b.owner.group ?? b.owner) || byNeed(a.owner, b.owner),
    );
    return order.map(({ stake }) => stake);
  }

  /** Grants the first upload that has room. @returns if none has room, the uploads that wait for it, in turn. */
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
    // Newcomers never take the room of paused uploads: see `hasWayOut`.
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

  /** Makes a slow upload give way to the first blocked one that this helps. @returns true if one gave way. */
  private relieve(blocked: readonly Stake[], nowMs: number): boolean {
    for (const stake of blocked) {
      // Uploads that were already dropped may free enough.
      const by = stake.state === 'waiting' ? this.newcomerBlockedBy(stake, true) : this.pausedBlockedBy(stake, true);
      if (by === undefined || by === 'closed-gate') continue;
      const owner = this.owners.of(stake);
      const slow = this.slowest(by === 'pool' ? undefined : by === 'share' ? owner : owner.group, nowMs);
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

  /** The slowest upload that can give way: of this owner or group, or of all. */
  private slowest(of: Owner | undefined, nowMs: number): Stake | undefined {
    let slowest: Stake | undefined;
    let lowestRate = PACE_BYTES_PER_SECOND;
    for (const stake of this.reading) {
      const elapsedMs = nowMs - stake.turnAtMs;
      if (elapsedMs < this.limits.graceMs) continue;
      const owner = this.owners.of(stake);
      if (of !== undefined && owner !== of && owner.group !== of) continue;
      const isSilent = nowMs - stake.movedAtMs >= this.limits.graceMs;
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
    return this.hasWayOut(this.owners.of(stake), more) === undefined;
  }
}
