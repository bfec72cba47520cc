import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type BodyLimits, discardBody, readBody } from '../../src/gateway/body.ts';
import { createBodyBudget } from '../../src/gateway/body-budget.ts';

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

const limits = (declaredBytes: number | undefined, maxBytes = 300 * KIB, budgetBytes = 1000 * KIB) => ({
  maxBytes,
  declaredBytes,
  share: createBodyBudget(budgetBytes).shareOf('tenant'),
});

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

  it('throws away what is over, and says how much came', async () => {
    const bytes = patterned(800 * KIB + 5);
    const { share, ...rest } = limits(undefined);
    const body = await read(streamOf(split(bytes, 10_000)), { ...rest, share });
    expect(body).toEqual({ ok: false, error: { kind: 'too-large', bytes: bytes.length } });
    expect(share.take(1000 * KIB)).toBe(true);
  });

  it('takes from the budget what it holds, and gives it back once', async () => {
    const { share, ...rest } = limits(200 * KIB, 300 * KIB, 300 * KIB);
    const first = await read(streamOf([patterned(200 * KIB)]), { ...rest, share });
    const second = await read(streamOf([patterned(200 * KIB)]), { ...rest, share });
    expect(second).toEqual({ ok: false, error: { kind: 'over-budget' } });
    if (first.ok) first.value.release();
    const third = await read(streamOf([patterned(200 * KIB)]), { ...rest, share });
    expect(third.ok).toBe(true);
  });

  it('says of a body that breaks off that it is incomplete, and keeps nothing of it', async () => {
    for (const declared of [200 * KIB, undefined]) {
      const { share, ...rest } = limits(declared);
      const body = await read(streamOf([patterned(100 * KIB)], true), { ...rest, share });
      expect(body).toEqual({ ok: false, error: { kind: 'incomplete' } });
      expect(share.take(1000 * KIB)).toBe(true);
    }
    const { share, ...rest } = limits(10_000);
    const stalled = new IdentityTransformStream();
    expect(await read(stalled.readable, { ...rest, share, maxStallMs: 50 })).toEqual({
      ok: false,
      error: { kind: 'incomplete' },
    });
    expect(share.take(1000 * KIB)).toBe(true);
    const short = await read(streamOf([patterned(100)]), limits(101));
    expect(short).toEqual({ ok: false, error: { kind: 'incomplete' } });
  });

  it('gives up on a body of which nothing more comes, and holds little for what is only declared', async () => {
    const { share, ...rest } = limits(300 * KIB, 300 * KIB, 300 * KIB);
    const { readable, writable } = new IdentityTransformStream();
    const writer = writable.getWriter();
    const reading = read(readable, { ...rest, share, maxStallMs: 100 });
    await writer.write(patterned(10));
    expect(share.take(236 * KIB)).toBe(true);
    expect(share.take(1)).toBe(false);
    expect(await reading).toEqual({ ok: false, error: { kind: 'incomplete' } });
    expect(share.take(64 * KIB)).toBe(true);
  });
});

describe('discardBody', () => {
  it('does not wait for a caller that sends nothing', async () => {
    const { readable } = new IdentityTransformStream();
    await discardBody(readable, 1000, 50);
  });
});

describe('createBodyBudget', () => {
  it('never lets one tenant shut the others out', () => {
    const budget = createBodyBudget(100, 75);
    const greedy = budget.shareOf('greedy');
    expect(greedy.take(75)).toBe(true);
    expect(greedy.take(1)).toBe(false);
    expect(budget.shareOf('greedy').take(1)).toBe(false);
    const other = budget.shareOf('other');
    expect(other.take(25)).toBe(true);
    expect(other.take(1)).toBe(false);
    greedy.give(75);
    expect(other.take(50)).toBe(true);
  });
});
