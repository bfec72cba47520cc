import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { toFieldFaults } from '../../src/document/field-faults.ts';
import { CreateTenant, PatchTenant } from '../../src/document/tenant.ts';

const faultsOf = (schema: z.ZodType, document: unknown) => {
  const checked = schema.safeParse(document);
  return checked.success
    ? []
    : toFieldFaults(checked.error.issues).map(({ pointer, detail }) => `${pointer} ${detail}`);
};

describe('toFieldFaults', () => {
  it.each([
    [{}, '#/name is missing'],
    [{ name: 7 }, '#/name must be a string'],
    [{ name: 'A', policy: [] }, '#/policy must be an object'],
    [{ name: 'A', policy: { allow: {} } }, '#/policy/allow must be a list'],
    [{ name: 'A', policy: { allow: [{}] } }, '#/policy/allow/0/function is missing'],
    [{ name: 'A', policy: { allow: [{ function: 'x'.repeat(999) }] } }, '#/policy/allow/0/function must have at most'],
    [{ name: 'A', policy: { publish: 'x' } }, '#/policy/publish must be an object'],
    [
      { name: 'A', policy: { allow: [{ function: 'f', logTail: 'yes' }] } },
      '#/policy/allow/0/logTail must be true or false',
    ],
    [
      { name: 'A', policy: { ipAllow: Array(201).fill('192.0.2.0/24') } },
      '#/policy/ipAllow must have at most 200 entries',
    ],
    [{ name: 'A', status: 'off' }, "#/status must be one of 'active', 'suspended'"],
    [{ name: 'A', upstream: { destination: 'x' } }, "#/upstream/destination must be 'default'"],
    [{ name: 'A', limits: { concurrency: 0 } }, '#/limits/concurrency must be at least 1'],
    [{ name: 'A', limits: { concurrency: 1.5 } }, '#/limits/concurrency must be a whole number'],
    [{ name: 'A', limits: { rate: { perSecond: 'x', burst: 1 } } }, '#/limits/rate/perSecond must be a number'],
    [{ name: 'A', limits: { rate: { perSecond: 2e6, burst: 1 } } }, '#/limits/rate/perSecond must be at most 1000000'],
    [
      { name: 'A', issuers: [{ issuer: 'https://a.example', claims: { '': ['x'] } }] },
      '#/issuers/0/claims/ has a name',
    ],
    [{ name: 'A', limit: {} }, '#/limit is not a field'],
  ])('says in plain words what is wrong with %j', (document, words) => {
    expect(faultsOf(CreateTenant, document).join('\n')).toContain(words);
  });

  it('says the same of a patch', () => {
    expect(faultsOf(PatchTenant, { status: 7 })).toEqual(["#/status must be one of 'active', 'suspended'"]);
    expect(faultsOf(PatchTenant, { limits: { quotas: {} } })).toEqual(['#/limits/quotas must be a list']);
  });

  it('says how to write a time, and counts one character as one', () => {
    const schema = z.object({ at: z.iso.datetime({ offset: true }), name: z.string().max(1) });
    expect(faultsOf(schema, { at: 'soon', name: 'ab' })).toEqual([
      '#/at must be a date and time with an offset, such as 2027-01-31T00:00:00Z',
      '#/name must have at most 1 character',
    ]);
  });
});
