import { BodyMemory, type Upload, type UploadRequest } from '../../../src/core/body-memory/body-memory.ts';
import { BODY_MEMORY_LIMITS, type BodyMemoryLimits, nextBufferBytes } from '../../../src/core/body-memory/limits.ts';

/** One upload, as it will go. */
export interface Plan {
  readonly atMs: number;
  readonly tenant: number;
  /** `bearer` has proved itself, `signed` will once its body is here, `forged` never does. */
  readonly kind: 'bearer' | 'signed' | 'forged';
  /** Where an unproved caller calls from. Default: one of three, by the time. */
  readonly network?: string | undefined;
  readonly bytes: number;
  readonly declared: boolean;
  /** How fast its caller sends and how fast Lambda takes it. */
  readonly inPerSecond: number;
  readonly outPerSecond: number;
  /** After how long its connection breaks, wherever it is then. */
  readonly breaksAfterMs: number | undefined;
}

/** How an upload went. */
export interface Seen {
  readonly plan: Plan;
  end?: 'sent' | 'broken' | 'refused' | 'dropped';
  /** When its bytes could first be read, and when all had come. */
  beganAtMs?: number;
  cameAtMs?: number;
}

/** What a broken memory does in place of what it should. */
export interface Broken {
  readonly limits?: BodyMemoryLimits;
  readonly open?: (memory: BodyMemory, request: UploadRequest) => Upload | undefined;
  readonly release?: (upload: Upload, bytes: number, nowMs: number) => void;
  readonly close?: (upload: Upload, nowMs: number) => void;
}

const STEP_MS = 50;
const LONGEST_MS = 3_600_000;
const MAX_BYTES = 6_291_456;

interface Live extends Seen {
  readonly upload: Upload;
  held: number;
  came: number;
  sent: number;
  proved: boolean;
}

/** Plays plans against a memory, step by step. @returns how each went, and what was wrong. */
export function play(plans: readonly Plan[], broken: Broken = {}): { seen: Seen[]; wrong: string[] } {
  const limits = BODY_MEMORY_LIMITS;
  const memory = new BodyMemory(broken.limits ?? limits);
  const open = broken.open ?? ((_, request) => memory.open(request));
  const release = broken.release ?? ((upload, bytes, nowMs) => upload.release(bytes, nowMs));
  const close = broken.close ?? ((upload, nowMs) => upload.close(nowMs));
  const todo = [...plans].sort((a, b) => a.atMs - b.atMs);
  const live = new Set<Live>();
  const seen: Seen[] = [];
  const wrong = new Set<string>();

  const end = (call: Live, how: Seen['end'], nowMs: number) => {
    if (how) call.end = how;
    close(call.upload, nowMs);
    live.delete(call);
  };
  const arrive = (plan: Plan, nowMs: number) => {
    const record: Seen = { plan };
    seen.push(record);
    const tenant = `tenant ${plan.tenant}`;
    const upload = open(memory, {
      tenant,
      unprovedKey: plan.kind === 'bearer' ? undefined : `key of ${tenant}`,
      network: plan.network ?? ['x', 'y'][plan.atMs % 3],
      mostBytes: plan.declared ? plan.bytes : MAX_BYTES,
      nowMs,
    });
    if (!upload) record.end = 'refused';
    else live.add(Object.assign(record, { upload, held: 0, came: 0, sent: 0, proved: plan.kind === 'bearer' }));
  };
  const read = (call: Live, nowMs: number) => {
    const { plan, upload } = call;
    call.beganAtMs ??= nowMs;
    let room = (plan.inPerSecond * STEP_MS) / 1_000;
    const mostBytes = plan.declared ? plan.bytes : MAX_BYTES;
    while (room > 0 && call.came < plan.bytes) {
      if (call.came === call.held) {
        const more = nextBufferBytes(call.held, mostBytes);
        if (!upload.hold(more, nowMs)) return;
        call.held = more;
      }
      const bytes = Math.min(room, call.held - call.came, plan.bytes - call.came);
      call.came += bytes;
      room -= bytes;
      if (bytes > 0) upload.came(call.came, nowMs);
    }
    if (call.came < plan.bytes) return;
    call.cameAtMs = nowMs;
    if (plan.kind === 'forged') return end(call, 'sent', nowMs); // its signature is wrong
    upload.complete(nowMs);
    if (plan.kind === 'signed') upload.prove(nowMs);
    call.proved = true;
  };
  const step = (call: Live, nowMs: number) => {
    const { plan, upload } = call;
    if (plan.breaksAfterMs !== undefined && nowMs >= plan.atMs + plan.breaksAfterMs) return end(call, 'broken', nowMs);
    if (upload.state === 'dropped' || upload.state === 'closed') return end(call, 'dropped', nowMs);
    if (upload.state === 'reading') return read(call, nowMs);
    if (upload.state !== 'whole') return;
    const bytes = Math.min((plan.outPerSecond * STEP_MS) / 1_000, plan.bytes - call.sent);
    call.sent += bytes;
    release(upload, bytes, nowMs);
    if (call.sent >= plan.bytes) end(call, 'sent', nowMs);
  };
  const check = () => {
    let held = 0;
    let heldLong = 0;
    const longOf = new Map<number, number>();
    for (const { held: bytes, sent, plan, proved } of live) {
      held += bytes - sent;
      const isLong = (plan.declared ? plan.bytes : MAX_BYTES) > 16 * 1024;
      if (isLong && plan.kind === 'bearer') heldLong += bytes - sent;
      if (proved && isLong) longOf.set(plan.tenant, (longOf.get(plan.tenant) ?? 0) + bytes - sent);
    }
    const capacity = Object.values(limits).reduce((sum, { capacityBytes }) => sum + capacityBytes, 0);
    if (heldLong > memory.pools.provedLong.promisedBytes) wrong.add('more is held than was promised');
    if (held > capacity || heldLong > limits.provedLong.capacityBytes) wrong.add('more is held than there is');
    for (const [name, pool] of Object.entries(memory.pools)) {
      if (pool.promisedBytes > limits[name as keyof typeof limits].capacityBytes)
        wrong.add(`${name} promised too much`);
    }
    const { provedLong } = memory.pools;
    const { shareBytes, capacityBytes } = limits.provedLong;
    // Signed callers may still be in the budget of the unproved, by their key's share of that.
    const bearerOnly = plans.every(({ kind }) => kind !== 'signed');
    if (bearerOnly)
      for (const bytes of longOf.values()) if (bytes > shareBytes) wrong.add('a tenant holds more than its share');
    const waiting = new Set([...provedLong.waiting].map(({ owner }) => owner));
    const [only] = waiting;
    const [first] = provedLong.waiting;
    if (waiting.size === 1 && only !== undefined && first && provedLong.paused.size === 0) {
      const free = capacityBytes - provedLong.promisedBytes;
      if (provedLong.promisedTo(only) === 0 && free >= first.claimBytes) wrong.add('a tenant waits beside free memory');
    }
  };

  let nowMs = 0;
  for (; nowMs < LONGEST_MS && (todo.length > 0 || live.size > 0); nowMs += STEP_MS) {
    for (let next = todo[0]; next && next.atMs <= nowMs; next = todo[0]) {
      todo.shift();
      arrive(next, nowMs);
    }
    memory.pump(nowMs);
    for (const call of live) step(call, nowMs);
    check();
  }
  for (const { plan, upload } of live) wrong.add(`${plan.kind} of ${plan.bytes} is still ${upload.state} at the end`);
  if (live.size === 0) {
    for (const [name, pool] of Object.entries(memory.pools)) {
      const { promisedBytes, ownerCount, waiting, paused } = pool;
      if (promisedBytes + ownerCount + waiting.size + paused.size > 0) wrong.add(`${name} leaks`);
    }
  }
  return { seen, wrong: [...wrong] };
}
