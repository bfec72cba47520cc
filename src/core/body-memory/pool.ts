import { type Owner, Owners } from './owners.ts';
import type { Stake } from './stake.ts';

/** Memory for bodies of one kind, and how owners share it. */
export interface PoolLimits {
  readonly capacityBytes: number;
  /** Maximum bytes promised to one owner. */
  readonly shareBytes: number;
  /** Maximum bytes promised to one group's owners together. At least `shareBytes`. Default `shareBytes`. */
  readonly groupShareBytes?: number;
  /** Maximum length of a body, in bytes. At most `shareBytes`. */
  readonly maxClaimBytes: number;
  /** Bytes promised when an upload begins. After these bytes have arrived, the upload waits for the rest of its claim. */
  readonly startBytes: number;
  /** What happens to a slow upload while another waits: `demote` keeps the bytes received, `drop` ends the upload. */
  readonly slow: 'demote' | 'drop';
  /** Milliseconds of an upload's turn before its pace is judged. An upload that receives nothing for `graceMs` is silent. */
  readonly graceMs: number;
}

/** Bytes that an owner, or a group of owners, may be promised for each byte that stays free. */
export const OWNER_TO_FREE = 2;
export const GROUP_TO_FREE = 16;

/**
 * While another upload waits, an upload is slow if it has received less than this per second on average since its turn
 * began, or nothing for `graceMs`. The value is low enough that no upload looks slow only because the isolate is busy.
 */
export const PACE_BYTES_PER_SECOND = 128 * 1024;

/** The limit that blocks a promise. */
type Blocked = 'pool' | 'group' | 'share';

/**
 * A pool that promises memory before a body is read. All promises together never exceed the capacity, and an upload
 * never holds more than its promise, so every promise can be kept. An upload begins with `startBytes`, and waits for
 * the rest of its claim after these bytes have arrived. An upload that sends nothing therefore takes little memory.
 *
 * **Turns.** The owner with the fewest promised bytes goes first; among equals, the owner served longest ago. The
 * uploads of one owner go in order. An owner never has more than `shareBytes`, nor more than twice the bytes that
 * stay free. The second limit does not apply to the first upload and the first whole claim of an owner. So there is nearly
 * always room for an owner that has nothing yet. An owner that has reached its limit delays no other owner. An upload
 * that does not fit into the pool delays the uploads behind it, so that shorter uploads cannot starve it.
 *
 * **Groups.** The owners of one group take turns with other owners as a single owner, and together have at most 16
 * times the bytes that stay free. So there is nearly always room for the largest body of another owner in the group,
 * and for short bodies of other groups.
 *
 * **No deadlock.** An upload that was promised its whole claim can complete whatever the other uploads do. All other
 * uploads (begun with `startBytes`, or demoted because they were slow) are together promised at most
 * `capacityBytes - maxClaimBytes`, and within one owner or group at most its share less `maxClaimBytes`. An upload that
 * would exceed these limits does not begin and is not demoted. So after the uploads with whole claims have ended, the
 * first upload in turn has room for its whole claim and completes, then the next upload, and so on.
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
  /** True if a long upload begins with only part of its claim. */
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

  /** Number of owners and groups that the pool remembers. Zero when no upload holds memory or waits. */
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

  /** True if a new upload would begin at once. */
  wouldBegin(stake: Stake): boolean {
    return this.waiting.size === 0 && this.newcomerBlockedBy(stake) === undefined;
  }

  /** True if this owner would be promised a claim at once. */
  wouldPromise(owner: string, claimBytes: number): boolean {
    for (const stake of this.paused) if (stake.owner === owner) return false;
    return this.pausedBlockedBy({ owner, claimBytes, promisedBytes: 0 }) === undefined;
  }

  /** Raises the bytes that an upload holds. @returns false if the upload must not be read: it is `paused` or `dropped`. */
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

  /** Marks an upload as whole, and frees promised bytes that the upload does not hold. */
  complete(stake: Stake, nowMs: number): void {
    if (stake.state !== 'reading') return;
    this.reading.delete(stake);
    this.change(stake, 'whole', stake.heldBytes);
    this.pump(nowMs);
  }

  /** Frees bytes of a whole body, at most as many as the body holds. */
  release(stake: Stake, bytes: number, nowMs: number): void {
    if (stake.state !== 'whole') return;
    stake.heldBytes -= Math.min(bytes, stake.heldBytes);
    this.change(stake, 'whole', stake.heldBytes);
    this.pump(nowMs);
  }

  /** Frees everything that an upload holds, and removes the upload from the queue. */
  close(stake: Stake, nowMs: number): void {
    if (stake.state === 'closed') return;
    this.forget(stake);
    this.pump(nowMs);
  }

  /** Ends an upload and wakes the caller, which must close the upload. Closes an upload that has not begun. */
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

  /** Grants every promise that fits, and makes slow uploads give way while other uploads wait. */
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

  /** Changes a stake's state and promise, and updates the sums. */
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

  /** Returns the limit that forbids promising this much more to uploads without a whole claim. See "No deadlock". */
  private hasWayOut(owner: Owner | undefined, bytes: number): Blocked | undefined {
    const { capacityBytes, maxClaimBytes } = this.limits;
    if (this.unfinished + bytes > capacityBytes - maxClaimBytes) return 'pool';
    let level: 'share' | 'group' = 'share';
    for (let one = owner; one; one = one.group, level = 'group') {
      if (one.unfinishedBytes + bytes > this.shareOf(level) - maxClaimBytes) return level;
    }
    return undefined;
  }

  /** Returns the share that has no room for this many more bytes: the owner's or its group's. */
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

  /** Returns the limit that keeps a new upload from beginning: now or, with `later`, after dropped uploads are closed. */
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

  /** Returns the limit that keeps a paused upload from its whole claim. `later` assumes that dropped uploads are closed. */
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

  /** Returns the first stake of each owner, in the order of turns. */
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

  /** Grants the first upload in turn that fits. @returns undefined after a grant, otherwise the blocked uploads in turn. */
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
    // New uploads never take the room that paused uploads need: see `hasWayOut`.
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

  /**
   * Makes the slowest upload give way to the first blocked upload that gains memory as a result. If too little becomes
   * free, `pump` calls `relieve` again. @returns true if an upload gave way.
   */
  private relieve(blocked: readonly Stake[], nowMs: number): boolean {
    for (const stake of blocked) {
      // Dropped uploads that are not closed yet may free enough.
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

  /** Returns the slowest upload that can give way. `of` restricts the search to one owner or group. */
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

  /** True if demoting the upload frees bytes and the upload can still complete later. See "No deadlock". */
  private canBeDemoted(stake: Stake): boolean {
    if (stake.heldBytes === stake.promisedBytes) return false;
    const more = stake.heldBytes - this.unfinishedBytesOf(stake);
    return this.hasWayOut(this.owners.of(stake), more) === undefined;
  }
}
