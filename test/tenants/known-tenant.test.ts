import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { KnownTenant } from '../../src/tenants/known-tenant.ts';
import { byHand, NOON, pass, withLedger } from './isolate.ts';

beforeEach(() => {
  vi.useFakeTimers({ now: NOON });
});
afterEach(() => {
  vi.useRealTimers();
});

const keysOf = (tenant: KnownTenant | undefined) => (tenant?.exists ? Object.keys(tenant.keys) : undefined);

async function warm(name = 'a') {
  const test = byHand();
  const loading = test.load();
  await test.answer(0, name);
  await loading;
  return test;
}

describe('a known tenant', () => {
  it('is asked for once by calls that come at the same time, and the question is kept alive', async () => {
    const test = byHand();
    const loading = [test.load(), test.load(), test.load()];
    expect(test.questions).toHaveLength(1);
    expect(test.kept).toHaveLength(1);
    await test.answer(0, 'a');
    expect((await Promise.all(loading)).map(keysOf)).toEqual([['a'], ['a'], ['a']]);
  });

  it('is served for a second without a question, then asked for behind the answer', async () => {
    const test = await warm();
    await pass(999);
    expect(keysOf(test.call())).toEqual(['a']);
    expect(test.questions).toHaveLength(1);
    await pass(1);
    expect(keysOf(test.call())).toEqual(['a']);
    expect(test.questions).toHaveLength(2);
    await test.answer(1, 'b');
    expect(keysOf(test.call())).toEqual(['b']);
  });

  it('is not served 4 seconds after it was asked for, whatever fails', async () => {
    const test = await warm();
    await pass(1_500);
    test.call();
    test.questions[1]?.fail(new Error('lost'));
    await pass(2_499);
    expect(keysOf(test.call())).toEqual(['a']);
    await pass(1);
    expect(test.call()).toBeUndefined();
    const loading = test.load();
    for (const { fail } of test.questions) fail(new Error('lost'));
    await pass(2_000);
    expect(await loading).toBeUndefined();
  });

  it('is as old as the question, and not as its answer', async () => {
    const test = byHand();
    const loading = test.load();
    await pass(1_900);
    await test.answer(0, 'a');
    await loading;
    await pass(2_099);
    expect(keysOf(test.call())).toEqual(['a']);
    await pass(1);
    expect(test.call()).toBeUndefined();
  });

  it('is asked for again when a question gets no answer, and a late answer changes nothing', async () => {
    const test = await warm();
    await pass(1_000);
    test.call();
    await pass(2_100);
    test.call();
    expect(test.questions).toHaveLength(3);
    await test.answer(2, 'young');
    await test.answer(1, 'old');
    expect(keysOf(test.call())).toEqual(['young']);
  });

  it('is forgotten when it is invalidated, and so is an answer on its way', async () => {
    const test = await warm();
    await pass(1_000);
    test.call();
    await pass(1);
    test.invalidate();
    const loading = test.load();
    await test.answer(1, 'stale');
    await test.answer(2, 'fresh');
    expect(keysOf(await loading)).toEqual(['fresh']);
  });

  it('is remembered not to exist', async () => {
    const test = byHand();
    const loading = test.load();
    test.questions[0]?.answer({ revision: 0, snapshot: { exists: false } });
    expect(await loading).toEqual({ exists: false });
    await pass(900);
    expect(test.call()).toEqual({ exists: false });
    expect(test.questions).toHaveLength(1);
  });

  it('is not trusted when the clock steps back', async () => {
    const test = withLedger({ quotas: [{ period: 'day', requests: 10 }] });
    await test.load();
    vi.setSystemTime(Date.now() - 60_000);
    expect(test.open().peek()).toBeUndefined();
    await test.load();
    expect(test.open().peek()?.exists).toBe(true);
  });
});
