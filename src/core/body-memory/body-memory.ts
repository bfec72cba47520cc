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

/** The caller that sends a body. */
export interface Uploader {
  readonly tenant: string;
  /** The key that an unproved caller names. Undefined for a proved caller. */
  readonly unprovedKey?: string | undefined;
  /** The network that an unproved caller calls from, if known. All networks of a key share the key's memory. */
  readonly network?: string | undefined;
}

export interface UploadRequest extends Uploader {
  /** The declared length of the body in bytes. If the length is not declared, the maximum allowed length. */
  readonly mostBytes: number;
  readonly nowMs: number;
}

/**
 * The memory of one body, from before its first byte is read until its last byte has left.
 * Read the body only while the state is `reading`. `wake` is called when the state `waiting` ends. Close an upload that
 * is `dropped`.
 */
export class Upload {
  /** Called when the pool has changed the state of this upload. */
  wake: () => void = () => {};
  private pool: Pool;
  private stake: Stake;
  /** After `prove`: the stake in the proved callers' memory that this upload waits for. */
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

  /** Joins the queue. Only `BodyMemory` calls this method, and only once. */
  enter(nowMs: number): void {
    this.pool.open(this.stake, nowMs);
  }

  /** Raises the held memory to `bytes`. @returns false if the upload must wait or has been dropped (see `state`). */
  hold(bytes: number, nowMs: number): boolean {
    const { pool, stake } = this;
    const isNew = stake.state !== 'paused';
    if (pool.grow(stake, bytes, nowMs)) return true;
    if (isNew && stake.state === 'paused' && !this.memory.hasPlace(stake.owner, pool, nowMs)) pool.drop(stake, nowMs);
    return false;
  }

  /** Reports the total number of bytes received, from which the pool judges whether the upload is slow. */
  came(bytes: number, nowMs: number): void {
    this.stake.cameBytes = bytes;
    this.stake.movedAtMs = nowMs;
  }

  /** Reports that the whole body has arrived. */
  complete(nowMs: number): void {
    this.pool.complete(this.stake, nowMs);
    this.memory.pumpUnproved(nowMs);
  }

  /**
   * Moves a whole body to the proved callers' memory after its caller has proved itself. Until there is room, the
   * upload is `waiting`, and no other upload can cause it to be dropped.
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

  /** Frees bytes of a whole body as they leave. */
  release(bytes: number, nowMs: number): void {
    this.pool.release(this.stake, bytes, nowMs);
    this.memory.pumpUnproved(nowMs);
  }

  /** Frees all memory of this upload. May be called at any time, and more than once. */
  close(nowMs: number): void {
    this.next?.pool.close(this.next.stake, nowMs);
    this.next = undefined;
    this.pool.close(this.stake, nowMs);
    this.memory.pumpUnproved(nowMs);
  }
}

/**
 * The memory that request bodies take in one isolate. Proved and unproved callers have separate budgets, so an unproved
 * caller never delays a proved caller. Short and long bodies have separate budgets, so a long body never delays a short
 * body. `Pool` describes how owners share a budget. An owner is a tenant or, for an unproved caller, a key and its
 * network. A call that exceeds the budget waits its turn and holds at most its first 16 KiB.
 *
 * An unproved upload is promised its whole length only while the proved budget has that much room for the tenant. While
 * unproved uploads wait, slow unproved uploads are dropped, the slowest first.
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

  /** Begins an upload, which is then `reading`, or `waiting` for its turn. @returns undefined if too many uploads wait. */
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
   * Takes memory for discarding a refused body, if enough is free now. All unproved callers count as one owner.
   * @returns the stake to pass to `giveScratch`.
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

  /** Makes uploads that have become slow give way. Call `pump` about every `WAIT_CHECK_MS` while an upload waits. */
  pump(nowMs: number): void {
    if (nowMs - this.pumpedAtMs < MIN_PUMP_MS && nowMs >= this.pumpedAtMs) return;
    this.pumpedAtMs = nowMs;
    for (const pool of Object.values(this.pools)) pool.pump(nowMs);
  }

  /** Resumes unproved uploads that have waited for room in the proved budget, if there is room now. */
  pumpUnproved(nowMs: number): void {
    if (this.pools.unprovedLong.paused.size > 0) this.pools.unprovedLong.pump(nowMs);
  }

  /**
   * Checks the queue's limits after an upload has joined. May drop an unproved upload, even the upload that has just
   * joined. @returns false if the upload that has just joined must leave.
   */
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

  /**
   * Finds the key with the most uploads in the queue and, within that key, the network with the most. Drops the last
   * upload of that network.
   */
  private dropFromLongestLine(unproved: readonly Stake[], nowMs: number): void {
    const ofKey = longestOf(unproved, ({ owner, group }) => group ?? owner);
    const last = longestOf(ofKey, ({ owner }) => owner).at(-1);
    const { unprovedShort, unprovedLong } = this.pools;
    if (last) (unprovedShort.waiting.has(last) ? unprovedShort : unprovedLong).drop(last, nowMs);
  }
}

/** Groups stakes by name and returns the largest group. */
function longestOf(line: readonly Stake[], nameOf: (stake: Stake) => string): readonly Stake[] {
  const lines = Map.groupBy(line, nameOf);
  return [...lines.values()].reduce((longest, next) => (next.length > longest.length ? next : longest), []);
}

/**
 * Decides which uploads share a pool as one owner. Anybody can name another caller's key. So the tiny unproved bodies
 * of a key count as a separate owner, and never queue behind longer bodies that somebody else sends in the name of that
 * key. Longer unproved bodies count by key and network.
 */
const ownerOf = ({ tenant, unprovedKey, network, mostBytes }: UploadRequest): string => {
  if (unprovedKey === undefined) return tenant;
  if (mostBytes <= TINY_BODY_BYTES) return `${unprovedKey} tiny`;
  return network === undefined ? unprovedKey : `${unprovedKey} ${network}`;
};

/** Groups all networks that name the same key, so that a key with many networks takes no more memory from other keys. */
const groupOf = ({ unprovedKey, network, mostBytes }: UploadRequest): string | undefined =>
  network === undefined || mostBytes <= TINY_BODY_BYTES ? undefined : unprovedKey;

const lineOf = (...pools: readonly Pool[]): Stake[] => pools.flatMap(({ waiting, paused }) => [...waiting, ...paused]);

/** Minimum milliseconds between two pumps, no matter how many uploads wait. */
const MIN_PUMP_MS = 50;
