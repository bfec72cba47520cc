import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scopeDurableName } from '../../../src/core/identity/durable-names.ts';
import { mintTenantId } from '../../../src/core/identity/ids.ts';
import { parseRootKeys } from '../../../src/core/identity/root-keys.ts';

const crypto = {
  hmacSha256: (key: Uint8Array, text: string) => createHmac('sha256', key).update(text).digest(),
  timingSafeEqual: (a: string, b: string) => a === b,
};
const keysOf = (text: string) => {
  const parsed = parseRootKeys(text);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
};
const key = (byte: number) => Buffer.from(Array.from({ length: 32 }, (_, at) => at * 7 + byte)).toString('base64');
const old = keysOf(`1:${key(7)}`);
const tenant = (byte: number) => mintTenantId(crypto, old, 'd', new Uint8Array(10).fill(byte));
const scope = (name: string, of = tenant(1), keys = old) => scopeDurableName(crypto, keys, of, name);

describe('scopeDurableName', () => {
  const names = fc.stringMatching(/^[a-zA-Z0-9\-_]{1,64}$/);

  it('maps every name to its own form that Lambda accepts, and always to the same', () => {
    fc.assert(
      fc.property(names, names, (one, other) => {
        const scoped = scope(one);
        expect(scoped).toMatch(/^[a-zA-Z0-9\-_]{1,64}$/);
        expect(scope(one)).toBe(scoped);
        expect(scope(other) === scoped).toBe(other === one);
        expect(scope(one, tenant(2))).not.toBe(scoped);
      }),
      { numRuns: 2_000, seed: Number(process.env.POSTERN_PROPERTY_SEED ?? 4) },
    );
  });

  it('keeps apart long names that differ in their last letter, and a long name from what it becomes', () => {
    const long = 'x'.repeat(63);
    expect(scope(`${long}a`)).not.toBe(scope(`${long}b`));
    const become = scope(`${long}a`)?.slice(17) ?? '';
    expect(scope(become)).not.toBe(scope(`${long}a`));
    expect(scope('y'.repeat(47))).toBe(`${scope('y')?.slice(0, 16)}-${'y'.repeat(47)}`);
  });

  it('goes by the root key that the tenant id names: a rotation changes nothing, and without that key there is none', () => {
    const rotated = keysOf(`2:${key(9)},1:${key(7)}`);
    expect(scope('run', tenant(1), rotated)).toBe(scope('run'));
    expect(scope('run', tenant(1), keysOf(`2:${key(9)}`))).toBeUndefined();
  });
});
