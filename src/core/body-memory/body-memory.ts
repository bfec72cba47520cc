import {
  BODY_MEMORY_LIMITS,
  type BodyMemoryLimits,
  MAX_WAITING,
  MAX_WAITING_OF_OWNER,
  MAX_WAITING_UNPROVED,
  SHORT_BODY_BYTES,
  TINY_BODY_BYTES,
} from './limits.ts';
import { Pool } from './pool.ts';
import { Stake } from './stake.ts';

/** Whose body it is. */
export interface Uploader {
  readonly tenant: string;
  /** The key that an unproved caller names. */
  readonly unprovedKey?: string | undefined;
  /** The network that an unproved caller calls from, if known. The networks of a key share the key's room. */
  readonly network?: string | undefined;
}

export interface UploadRequest extends Uploader {
  /** Its declared length, or the most that it may be. */
  readonly mostBytes: number;
  readonly nowMs: number;
}

/**
 * The memory of one body, from before its first byte is read until its last byte has gone.
 * Read it only while it is `reading`; `waiting` ends by itself, and `wake` tells when; `dropped` has to be closed.
 */
export class Upload {
  /** Called when another upload has changed the state of this one. */
  wake: () => void = () => {};
  private pool: Pool;
  private stake: Stake;
  /** Its place among proved bodies, while it waits for one. */
  private next: { readonly pool: Pool; readonly stake: Stake } | undefined;
  private readonly memory: BodyMemory;
  private readonly tenant: string;

  constructor(memory: BodyMemory, pool: Pool, request: UploadRequest) {
    const { tenant, unprovedKey, mostBytes } = request;
    this.memory = memory;
    this.pool = pool;
    this.tenant = tenant;
    const mayGrow =
      unprovedKey === undefined ? undefined : () => memory.pools.provedLong.wouldPromise(tenant, mostBytes);
    this.stake = new Stake(ownerOf(request), mostBytes, () => this.wake(), mayGrow, groupOf(request));
  }

  get state(): 'waiting' | 'reading' | 'whole' | 'dropped' | 'closed' {
    if (this.next) return 'waiting';
    return this.stake.state === 'paused' ? 'waiting' : this.stake.state;
  }

  get heldBytes(): number {
    return this.stake.heldBytes;
  }

  /** Gets in line. To be called once, by the memory. */
  enter(nowMs: number): void {
    this.pool.open(this.stake, nowMs);
  }

  /** Holds this many bytes in all. @returns false if that has to wait, or is over: see `state`. */
  hold(bytes: number, nowMs: number): boolean {
    const { pool, stake } = this;
    const isNew = stake.state !== 'paused';
    if (pool.grow(stake, bytes, nowMs)) return true;
    if (isNew && stake.state === 'paused' && !this.memory.hasPlace(stake.owner, pool, nowMs)) pool.drop(stake, nowMs);
    return false;
  }

  /** Says how many bytes have come in all: by this an upload is fast or slow. */
  came(bytes: number, nowMs: number): void {
    this.stake.cameBytes = bytes;
    this.stake.movedAtMs = nowMs;
  }

  /** Everything has come. */
  complete(nowMs: number): void {
    this.pool.complete(this.stake, nowMs);
    this.memory.pumpUnproved(nowMs);
  }

  /**
   * The caller has proved itself: its whole body becomes one of a proved caller's. Until there is room for it, it is
   * `waiting`, and nobody can have it dropped.
   */
  prove(nowMs: number): void {
    const { stake, pool } = this;
    if (stake.state !== 'whole') return;
    if (stake.heldBytes === 0) return;
    const { provedShort, provedLong } = this.memory.pools;
    const to = pool === this.memory.pools.unprovedShort ? provedShort : provedLong;
    const next = new Stake(this.tenant, stake.heldBytes, (grantedAtMs) => {
      this.move(grantedAtMs);
      this.wake();
    });
    this.next = { pool: to, stake: next };
    to.openWhole(next, nowMs);
    this.move(nowMs);
  }

  private move(nowMs: number): void {
    const { next, pool, stake } = this;
    if (next?.stake.state !== 'reading') return;
    this.next = undefined;
    this.pool = next.pool;
    this.stake = next.stake;
    next.pool.grow(next.stake, next.stake.claimBytes, nowMs);
    next.pool.complete(next.stake, nowMs);
    pool.close(stake, nowMs);
  }

  /** Gives bytes of a whole body back, as they leave. */
  release(bytes: number, nowMs: number): void {
    this.pool.release(this.stake, bytes, nowMs);
    this.memory.pumpUnproved(nowMs);
  }

  /** Gives everything back. May be called at any time, and again. */
  close(nowMs: number): void {
    this.next?.pool.close(this.next.stake, nowMs);
    this.next = undefined;
    this.pool.close(this.stake, nowMs);
    this.memory.pumpUnproved(nowMs);
  }
}

/**
 * The memory that request bodies take in one isolate. Proved and unproved callers have budgets of their own, and short
 * bodies one beside long ones, so that unproved callers never delay a proved one and long bodies never a short one. Within
 * a budget, owners share as `Pool` says: tenants, or keys where nothing more is known. A call above the budget waits in
 * turn, with at most its first 16 KiB.
 *
 * An unproved upload is promised its whole length only while its tenant could have it among the proved, and the slowest
 * is dropped while another waits.
 */
export class BodyMemory {
  readonly pools: Readonly<Record<keyof BodyMemoryLimits, Pool>>;
  private pumpedAtMs = 0;

  constructor(limits: BodyMemoryLimits = BODY_MEMORY_LIMITS) {
    this.pools = {
      provedShort: new Pool(limits.provedShort),
      provedLong: new Pool(limits.provedLong),
      unprovedShort: new Pool(limits.unprovedShort),
      unprovedLong: new Pool(limits.unprovedLong),
      scratch: new Pool(limits.scratch),
    };
  }

  /** Begins an upload: `reading`, or `waiting` for its turn. @returns undefined if too many wait. */
  open(request: UploadRequest): Upload | undefined {
    const { mostBytes, unprovedKey, nowMs } = request;
    const { provedShort, provedLong, unprovedShort, unprovedLong } = this.pools;
    const isShort = mostBytes <= SHORT_BODY_BYTES;
    const isProved = unprovedKey === undefined;
    const pool = isShort ? (isProved ? provedShort : unprovedShort) : isProved ? provedLong : unprovedLong;
    const upload = new Upload(this, pool, request);
    upload.enter(nowMs);
    if (upload.state !== 'waiting') return upload;
    if (!this.hasPlace(ownerOf(request), pool, nowMs)) upload.close(nowMs);
    return upload.state === 'waiting' ? upload : undefined;
  }

  /**
   * Takes memory to throw a refused body away with, if there is any at once. Unproved callers share it as one.
   * @returns what `giveScratch` takes back.
   */
  takeScratch(tenant: string | undefined, bytes: number, nowMs: number): Stake | undefined {
    const { scratch } = this.pools;
    const stake = new Stake(tenant ?? 'unproved', bytes, () => {});
    if (!scratch.wouldBegin(stake)) return undefined;
    scratch.open(stake, nowMs);
    return stake;
  }

  giveScratch(stake: Stake, nowMs: number): void {
    this.pools.scratch.close(stake, nowMs);
  }

  /** Waits are by time, too: to be called about every `CHECK_MS` while an upload waits. */
  pump(nowMs: number): void {
    if (nowMs - this.pumpedAtMs < MIN_PUMP_MS && nowMs >= this.pumpedAtMs) return;
    this.pumpedAtMs = nowMs;
    for (const pool of Object.values(this.pools)) pool.pump(nowMs);
  }

  /** Unproved callers may wait for room among the proved. */
  pumpUnproved(nowMs: number): void {
    if (this.pools.unprovedLong.paused.size > 0) this.pools.unprovedLong.pump(nowMs);
  }

  /** Whether the newest in line may stay there. */
  hasPlace(owner: string, pool: Pool, nowMs: number): boolean {
    const { provedShort, provedLong, unprovedShort, unprovedLong } = this.pools;
    const proved = lineOf(provedShort, provedLong);
    const unproved = lineOf(unprovedShort, unprovedLong);
    const isProved = pool === provedShort || pool === provedLong;
    const own = (isProved ? proved : unproved).filter((stake) => stake.owner === owner).length;
    const all = proved.length + unproved.length;
    if (own > MAX_WAITING_OF_OWNER || (isProved && proved.length > MAX_WAITING)) return false;
    if (all > MAX_WAITING || unproved.length > MAX_WAITING_UNPROVED) this.dropFromLongestLine(unproved, nowMs);
    return true;
  }

  /** The newest of the key that has the most in line makes room, or of its network: that may be the one that has just come. */
  private dropFromLongestLine(unproved: readonly Stake[], nowMs: number): void {
    const ofKey = longestOf(unproved, ({ owner, group }) => group ?? owner);
    const last = longestOf(ofKey, ({ owner }) => owner).at(-1);
    const { unprovedShort, unprovedLong } = this.pools;
    if (last) (unprovedShort.waiting.has(last) ? unprovedShort : unprovedLong).drop(last, nowMs);
  }
}

/** Those of the name that has the most. */
function longestOf(line: readonly Stake[], nameOf: (stake: Stake) => string): readonly Stake[] {
  const lines = Map.groupBy(line, nameOf);
  return [...lines.values()].reduce((longest, next) => (next.length > longest.length ? next : longest), []);
}

/**
 * Which uploads share a pool as one owner. Anybody can name another caller's key. So the smallest unproved bodies of a key
 * count as an owner of their own, and never queue behind longer bodies that were sent in its name; and the longer ones
 * count by the network they come from.
 */
const ownerOf = ({ tenant, unprovedKey, network, mostBytes }: UploadRequest): string => {
  if (unprovedKey === undefined) return tenant;
  if (mostBytes <= TINY_BODY_BYTES) return `${unprovedKey} tiny`;
  return network === undefined ? unprovedKey : `${unprovedKey} ${network}`;
};

/** Which owners share as one: all networks that name a key, so that one with many networks takes no more from other keys. */
const groupOf = ({ unprovedKey, network, mostBytes }: UploadRequest): string | undefined =>
  network === undefined || mostBytes <= TINY_BODY_BYTES ? undefined : unprovedKey;

const lineOf = (...pools: readonly Pool[]): Stake[] => pools.flatMap(({ waiting, paused }) => [...waiting, ...paused]);

/** However many wait, the pools are looked after no more often. */
const MIN_PUMP_MS = 50;
