import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { BodyMemory } from '../../src/core/body-memory/body-memory.ts';
import { BODY_MEMORY_LIMITS } from '../../src/core/body-memory/limits.ts';
import { type BodyLimits, readBody } from '../../src/gateway/body.ts';
import { discardBody } from '../../src/gateway/discard-body.ts';

const KIB = 1024;
const patterned = (bytes: number) => Uint8Array.from({ length: bytes }, (_, at) => (at * 31 + (at >> 8)) & 0xff);
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** A byte stream that gives these pieces, and then ends or breaks. */
const streamOf = (pieces: readonly Uint8Array[], breaks = false) => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const identity = new IdentityTransformStream();
  const writer = writable.getWriter();
  (async () => {
    for (const piece of pieces) await writer.write(piece.slice());
    await (breaks ? writer.abort(new Error('gone')) : writer.close());
  })().catch(() => {});
  readable.pipeTo(identity.writable).catch(() => {});
  return identity.readable;
};
const split = (bytes: Uint8Array, size: number) =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => bytes.subarray(at * size, (at + 1) * size));

/** Memory for so many long bodies of `KIB` each: all budgets alike. */
const memoryOf = (capacityBytes: number, maxClaimBytes = 300 * KIB) => {
  const long = { ...BODY_MEMORY_LIMITS.provedLong, capacityBytes, shareBytes: capacityBytes };
  const unproved = { ...BODY_MEMORY_LIMITS.unprovedLong, capacityBytes, shareBytes: capacityBytes };
  return new BodyMemory({
    ...BODY_MEMORY_LIMITS,
    provedLong: { ...long, maxClaimBytes },
    unprovedLong: { ...unproved, maxClaimBytes },
  });
};
const limits = (
  declaredBytes: number | undefined,
  maxBytes = 300 * KIB,
  memory = memoryOf(1000 * KIB),
): BodyLimits => ({
  maxBytes,
  declaredBytes,
  memory,
  uploader: { tenant: 'tenant' },
});
/** What is taken of all budgets, and how many wait. */
const taken = (memory: BodyMemory) =>
  Object.values(memory.pools).map((pool) => [pool.promisedBytes, pool.waiting.size, pool.paused.size, pool.ownerCount]);
const NOTHING = Array.from({ length: 5 }, () => [0, 0, 0, 0]);

const read = (stream: ReadableStream | null, rules: BodyLimits) => readBody(new Response(stream), rules);

describe('readBody', () => {
  it.each([0, 1, 16 * KIB, 16 * KIB + 1, 63 * KIB, 64 * KIB, 64 * KIB + 1, 200 * KIB, 300 * KIB])(
    'reads %i bytes whole, declared or not, in pieces of any size',
    async (length) => {
      const bytes = patterned(length);
      for (const declared of [length, undefined]) {
        for (const size of [1000, 70 * KIB, 400 * KIB]) {
          const body = await read(streamOf(split(bytes, size)), limits(declared));
          if (!body.ok) throw new Error(body.error.kind);
          expect(body.value.bytes.length).toBe(length);
          expect(sha256(body.value.bytes)).toBe(sha256(bytes));
          expect(body.value.sha256).toBe(sha256(bytes));
        }
      }
    },
  );

  it('has the hash of nothing for no body', async () => {
    const body = await read(null, limits(undefined));
    expect(body.ok && body.value.sha256).toBe(sha256(new Uint8Array(0)));
  });

  it('throws away what is over, says how much came, and keeps nothing', async () => {
    const bytes = patterned(800 * KIB + 5);
    const rules = limits(undefined);
    const body = await read(streamOf(split(bytes, 10_000)), rules);
    expect(body).toEqual({ ok: false, error: { kind: 'too-large', bytes: bytes.length } });
    expect(taken(rules.memory)).toEqual(NOTHING);
  });

  it('waits for its turn until memory is given back, and says how long', async () => {
    const memory = memoryOf(350 * KIB, 200 * KIB);
    const first = await read(streamOf([patterned(200 * KIB)]), limits(200 * KIB, undefined, memory));
    if (!first.ok) throw new Error(first.error.kind);
    let waitedMs: number | undefined;
    const onWaited = (ms: number) => {
      waitedMs = ms;
    };
    const rules = { ...limits(200 * KIB, undefined, memory), uploader: { tenant: 'another' }, onWaited };
    const second = read(streamOf([patterned(200 * KIB)]), rules);
    await expect.poll(() => memory.pools.provedLong.paused.size).toBe(1);
    first.value.onSent(25 * KIB);
    expect(memory.pools.provedLong.paused.size).toBe(1);
    first.value.onSent(25 * KIB);
    expect(memory.pools.provedLong.paused.size).toBe(0);
    const body = await second;
    if (!body.ok) throw new Error(body.error.kind);
    expect(waitedMs).toBeGreaterThanOrEqual(0);
    first.value.onSent(150 * KIB);
    body.value.close();
    body.value.close();
    expect(taken(memory)).toEqual(NOTHING);
  });

  it('is busy for one that waits too long', async () => {
    const memory = memoryOf(350 * KIB, 200 * KIB);
    const first = await read(streamOf([patterned(200 * KIB)]), limits(200 * KIB, undefined, memory));
    const rules = { ...limits(200 * KIB, undefined, memory), maxWaitMs: 20 };
    expect(await read(streamOf([patterned(200 * KIB)]), rules)).toEqual({ ok: false, error: { kind: 'busy' } });
    if (first.ok) first.value.close();
    expect(taken(memory)).toEqual(NOTHING);
  });

  it('lets go of a place in line when the caller leaves', async () => {
    const memory = memoryOf(350 * KIB, 200 * KIB);
    const first = await read(streamOf([patterned(200 * KIB)]), limits(200 * KIB, undefined, memory));
    const caller = new AbortController();
    const { body } = new Response(streamOf([patterned(200 * KIB)]));
    const source = { body, arrayBuffer: async () => new ArrayBuffer(0), signal: caller.signal };
    const second = readBody(source, { ...limits(200 * KIB, undefined, memory), uploader: { tenant: 'another' } });
    await expect.poll(() => memory.pools.provedLong.paused.size).toBe(1);
    caller.abort();
    expect(await second).toEqual({ ok: false, error: { kind: 'incomplete' } });
    if (first.ok) first.value.close();
    expect(taken(memory)).toEqual(NOTHING);
  });

  it.each([100, 100 * KIB])('moves %i bytes among the proved once their caller is', async (length) => {
    const memory = memoryOf(1000 * KIB);
    const rules = { ...limits(length, undefined, memory), uploader: { tenant: 'tenant', unprovedKey: 'key' } };
    const body = await read(streamOf([patterned(length)]), rules);
    if (!body.ok) throw new Error(body.error.kind);
    const { provedShort, provedLong, unprovedShort, unprovedLong } = memory.pools;
    expect(unprovedShort.promisedBytes + unprovedLong.promisedBytes).toBe(length);
    expect(await body.value.prove()).toBe(true);
    expect(unprovedShort.promisedBytes + unprovedLong.promisedBytes).toBe(0);
    expect(provedShort.promisedBytes + provedLong.promisedBytes).toBe(length);
    body.value.onSent(length);
    expect(taken(memory)).toEqual(NOTHING);
  });

  it('says of a body that breaks off that it is incomplete, and keeps nothing of it', async () => {
    for (const unprovedKey of [undefined, 'key']) {
      for (const declared of [200 * KIB, undefined]) {
        const rules = { ...limits(declared), uploader: { tenant: 'tenant', unprovedKey } };
        const body = await read(streamOf([patterned(100 * KIB)], true), rules);
        expect(body).toEqual({ ok: false, error: { kind: 'incomplete' } });
        expect(taken(rules.memory)).toEqual(NOTHING);
      }
    }
    const rules = limits(10_000);
    const stalled = new IdentityTransformStream();
    expect(await read(stalled.readable, { ...rules, maxStallMs: 50 })).toEqual({
      ok: false,
      error: { kind: 'incomplete' },
    });
    expect(taken(rules.memory)).toEqual(NOTHING);
    const short = await read(streamOf([patterned(100)]), limits(101));
    expect(short).toEqual({ ok: false, error: { kind: 'incomplete' } });
  });

  it('gives up on a body of which nothing more comes', async () => {
    const rules = limits(300 * KIB);
    const { readable, writable } = new IdentityTransformStream();
    const reading = read(readable, { ...rules, maxStallMs: 100 });
    await writable.getWriter().write(patterned(10));
    expect(await reading).toEqual({ ok: false, error: { kind: 'incomplete' } });
    expect(taken(rules.memory)).toEqual(NOTHING);
  });

  it.each([100, 100 * KIB])('drops an unproved body of %i bytes that has to make room', async (length) => {
    const memory = memoryOf(1000 * KIB);
    const { readable } = new IdentityTransformStream();
    const rules = { ...limits(length, undefined, memory), uploader: { tenant: 'tenant', unprovedKey: 'key' } };
    const reading = read(readable, rules);
    const pool = length > 16 * KIB ? memory.pools.unprovedLong : memory.pools.unprovedShort;
    for (const stake of pool.reading) pool.drop(stake, Date.now());
    expect(await reading).toEqual({ ok: false, error: { kind: 'busy' } });
    expect(taken(memory)).toEqual(NOTHING);
  });
});

describe('discardBody', () => {
  const limitsOf = (changes: object) => ({
    maxBytes: 1000,
    maxStallMs: 50,
    maxMs: 10_000,
    scratchBytes: 100,
    ...changes,
  });

  it('does not wait for a caller that sends nothing', async () => {
    const { readable } = new IdentityTransformStream();
    await discardBody(readable, { memory: memoryOf(0), tenant: 'tenant', limits: limitsOf({}) });
  });

  it('does not go on for ever with one that sends a byte now and then', async () => {
    const memory = memoryOf(0);
    const { readable, writable } = new IdentityTransformStream();
    const writer = writable.getWriter();
    let going = true;
    const drip = (async () => {
      while (going) {
        await writer.write(new Uint8Array(1));
        await new Promise((waited) => setTimeout(waited, 5));
      }
    })().catch(() => {});
    await discardBody(readable, { memory, tenant: undefined, limits: limitsOf({ maxStallMs: 5_000, maxMs: 100 }) });
    going = false;
    await drip;
    expect(taken(memory)).toEqual(NOTHING);
  });

  it('reads nothing where there is no memory for it', async () => {
    const memory = memoryOf(0);
    const { capacityBytes } = memory.pools.scratch.limits;
    while (memory.takeScratch(undefined, 4 * KIB, 0));
    expect(memory.pools.scratch.promisedBytes).toBeLessThan(capacityBytes);
    const { readable } = new IdentityTransformStream();
    await discardBody(readable, { memory, tenant: undefined, limits: limitsOf({}) });
    expect(readable.locked).toBe(true);
  });
});
