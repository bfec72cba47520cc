import { describe, expect, it } from 'vitest';
import type { TenantId } from '../../src/core/tenancy/ids.ts';
import type { TenantSnapshot } from '../../src/core/tenancy/tenant.ts';
import { createTenantMemory } from '../../src/gateway/tenant-memory.ts';

const ID = 't1' as TenantId;
const snapshot = (key: string): TenantSnapshot => ({
  exists: true,
  status: 'active',
  policy: { allow: [] },
  upstream: {},
  keys: { [key]: null },
});

/** A memory whose clock and object the test moves. */
function setUp() {
  let nowMs = 0;
  const questions: { answer: (value: TenantSnapshot) => void; fail: (error: Error) => void }[] = [];
  const kept: Promise<unknown>[] = [];
  const memory = createTenantMemory(
    () => {
      const { promise, resolve, reject } = Promise.withResolvers<TenantSnapshot>();
      questions.push({ answer: resolve, fail: reject });
      return promise;
    },
    () => nowMs,
  );
  return {
    questions,
    kept,
    advance: (ms: number) => {
      nowMs += ms;
    },
    read: () => memory.read(ID, (promise) => kept.push(promise)),
    forget: () => memory.forget(ID),
  };
}
type SetUp = ReturnType<typeof setUp>;

const keysOf = async (reading: ReturnType<SetUp['read']>) => {
  const tenant = await reading;
  return tenant.exists ? Object.keys(tenant.keys) : [];
};
async function warm(name = 'a') {
  const test = setUp();
  const reading = test.read();
  test.questions[0]?.answer(snapshot(name));
  await reading;
  return test;
}

describe('createTenantMemory', () => {
  it('asks once for callers that come at the same time, and keeps the question alive', async () => {
    const test = setUp();
    const readings = [test.read(), test.read(), test.read()];
    expect(test.questions).toHaveLength(1);
    expect(test.kept).toHaveLength(1);
    test.questions[0]?.answer(snapshot('a'));
    expect(await Promise.all(readings.map(keysOf))).toEqual([['a'], ['a'], ['a']]);
  });

  it('asks nothing for a second, then asks behind the answer', async () => {
    const test = await warm();
    test.advance(999);
    expect(await keysOf(test.read())).toEqual(['a']);
    expect(test.questions).toHaveLength(1);
    test.advance(1);
    expect(await keysOf(test.read())).toEqual(['a']);
    expect(test.questions).toHaveLength(2);
    test.questions[1]?.answer(snapshot('b'));
    await Promise.all(test.kept);
    expect(await keysOf(test.read())).toEqual(['b']);
  });

  it('serves nothing that was asked for 4 seconds ago, whatever fails', async () => {
    const test = await warm();
    test.advance(1_500);
    await test.read();
    test.questions[1]?.fail(new Error('lost'));
    await Promise.all(test.kept);
    test.advance(2_500);
    const reading = test.read();
    test.questions.at(-1)?.fail(new Error('lost'));
    await expect(reading).rejects.toThrow('lost');
  });

  it('counts age from the question and not from its answer', async () => {
    const test = setUp();
    const reading = test.read();
    test.advance(1_900);
    test.questions[0]?.answer(snapshot('a'));
    await reading;
    test.advance(2_100);
    const late = test.read();
    test.questions.at(-1)?.answer(snapshot('b'));
    expect(await keysOf(late)).toEqual(['b']);
  });

  it('asks again when a question gets no answer, and does not let a late answer replace a younger one', async () => {
    const test = await warm();
    test.advance(1_000);
    await test.read();
    test.advance(2_000);
    await test.read();
    expect(test.questions).toHaveLength(3);
    test.questions[2]?.answer(snapshot('young'));
    await test.kept[2];
    test.questions[1]?.answer(snapshot('old'));
    await Promise.all(test.kept);
    expect(await keysOf(test.read())).toEqual(['young']);
  });

  it('forgets on demand, also what is being asked', async () => {
    const test = await warm();
    test.advance(1_000);
    await test.read();
    test.forget();
    test.questions[1]?.answer(snapshot('stale'));
    await Promise.all(test.kept);
    const reading = test.read();
    test.questions[2]?.answer(snapshot('fresh'));
    expect(await keysOf(reading)).toEqual(['fresh']);
  });

  it('remembers that a tenant is not there', async () => {
    const test = setUp();
    const reading = test.read();
    test.questions[0]?.answer({ exists: false });
    expect(await reading).toEqual({ exists: false });
    await test.read();
    expect(test.questions).toHaveLength(1);
  });
});
