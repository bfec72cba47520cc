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
  /** The key that an unproved caller names. */
  readonly unprovedKey?: string | undefined;
  /** The network that an unproved caller calls from, if known. All networks of a key share the key's memory. */
  readonly network?: string | undefined;
}

export interface UploadRequest extends Uploader {
  /** The body's declared length in bytes, or else the longest allowed. */
  readonly mostBytes: number;
  readonly nowMs: number;
}

/**
 * The memory of one body, from before its first byte is read until its last byte has left.
 * Read the body only while the state is `reading`. `waiting` ends by itself and then calls `wake`. Close a `dropped` upload.
 */
export class Upload {
  /** Called when another upload has changed the state of this one. */
  wake: () => void = () => {};
  private pool: Pool;
  private stake: Stake;
  /** The stake among proved bodies that this upload waits for, after `prove`. */
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

  /** Joins the queue. `BodyMemory` calls it, once. */
  enter(nowMs: number): void {
    this.pool.open(this.stake, nowMs);
  }

  /** Raises the held memory to `bytes`. @returns false if the upload must wait or has been dropped: see `state`. */
  hold(bytes: number, nowMs: number): boolean {
    const { pool, stake } = this;
    const isNew = stake.state !== 'paused';
    if (pool.grow(stake, bytes, nowMs)) return true;
    if (isNew && stake.state === 'paused' && !this.memory.hasPlace(stake.owner, pool, nowMs)) pool.drop(stake, nowMs);
    return false;
  }

  /** Reports the total number of bytes received. The pool judges by it whether an upload is slow. */
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
   * Moves a whole body to the proved callers' memory, because its caller has proved itself. Until there is room, the
   * upload is `waiting`, and no other upload can get it dropped.
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
 * The memory that request bodies take in one isolate. Proved and unproved callers have separate budgets, and so have short
 * and long bodies: unproved callers never delay a proved one, and long bodies never delay a short one. Owners share a
 * budget as `Pool` describes: an owner is a tenant, or for an unproved caller its key and network. A call above the budget
 * waits its turn and holds at most its first 16 KiB.
 *
 * An unproved upload is promised its whole length only while the proved budget has that much room for its tenant. While
 * another unproved upload waits, the slowest is dropped.
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
   * Takes memory for discarding a refused body, if some is free now. All unproved callers count as one owner.
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

  /** Finds uploads that have become slow. Call it about every `WAIT_CHECK_MS` while an upload waits. */
  pump(nowMs: number): void {
    if (nowMs - this.pumpedAtMs < MIN_PUMP_MS && nowMs >= this.pumpedAtMs) return;
    this.pumpedAtMs = nowMs;
    for (const pool of Object.values(this.pools)) pool.pump(nowMs);
  }

  /** Lets unproved uploads go on that waited for room in the proved budget. */
  pumpUnproved(nowMs: number): void {
    if (this.pools.unprovedLong.paused.size > 0) this.pools.unprovedLong.pump(nowMs);
  }

  /** True if the newest upload in the queue may stay there. */
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

  /** Drops the newest upload of the key (and of its network) with the most in the queue: perhaps the one that just came. */
  private dropFromLongestLine(unproved: readonly Stake[], nowMs: number): void {
    const ofKey = longestOf(unproved, ({ owner, group }) => group ?? owner);
    const last = longestOf(ofKey, ({ owner }) => owner).at(-1);
    const { unprovedShort, unprovedLong } = this.pools;
    if (last) (unprovedShort.waiting.has(last) ? unprovedShort : unprovedLong).drop(last, nowMs);
  }
}

/** The stakes of the name that has the most of them. */
function longestOf(line: readonly Stake[], nameOf: (stake: Stake) => string): readonly Stake[] {
  const lines = Map.groupBy(line, nameOf);
  return [...lines.values()].reduce((longest, next) => (next.length > longest.length ? next : longest), []);
}

/**
 * Decides which uploads share a pool as one owner. Anybody can name another caller's key. So the smallest unproved bodies
 * of a key are a separate owner, and never queue behind longer bodies that somebody else sent in its name. Longer bodies
 * are counted by key and network.
 */
const ownerOf = ({ tenant, unprovedKey, network, mostBytes }: UploadRequest): string => {
  if (unprovedKey === undefined) return tenant;
  if (mostBytes <= TINY_BODY_BYTES) return `${unprovedKey} tiny`;
  return network === undefined ? unprovedKey : `${unprovedKey} ${network}`;
};

/** Groups all networks that name one key, so that a key with many networks takes no more from other keys. */
const groupOf = ({ unprovedKey, network, mostBytes }: UploadRequest): string | undefined =>
  network === undefined || mostBytes <= TINY_BODY_BYTES ? undefined : unprovedKey;

const lineOf = (...pools: readonly Pool[]): Stake[] => pools.flatMap(({ waiting, paused }) => [...waiting, ...paused]);

/** Milliseconds between two pumps at least, however many uploads wait. */
const MIN_PUMP_MS = 50;
