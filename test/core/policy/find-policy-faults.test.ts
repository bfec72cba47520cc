import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { InvokeArguments } from '../../../src/core/invoke/arguments.ts';
import { RULE_TYPES } from '../../../src/core/invoke/types.ts';
import { findPolicyFaults } from '../../../src/core/policy/find-policy-faults.ts';
import { compilePolicy, type PolicyDocument } from '../../../src/core/policy/policy.ts';
import { decide } from '../../support/decide.ts';

const OURS = '111111111111';
const THEIRS = '222222222222';
const HOMES = [OURS, THEIRS, '333333333333'].flatMap((account) =>
  ['eu-west-1', 'us-east-1'].map((region) => ({ account, region })),
);
const NAMES = ['a', 'ac', 'ab', 'b', 'zb', 'zz', 'orders', 'orders-1', 'a.c', 'z.z', 'z.b', 'a.b', 'orders-.b'];

/** Whether any call at all, from any home, is permitted. */
function isMet(policy: PolicyDocument, names: readonly string[]): boolean {
  const compiled = compilePolicy(policy);
  for (const home of HOMES) {
    for (const type of RULE_TYPES) {
      for (const qualifier of [undefined, 'live', '1', 'other']) {
        for (const text of names) {
          const [name = text, account, region] = text.split('@');
          const call: InvokeArguments = {
            operation: type === 'ResponseStream' ? 'InvokeWithResponseStream' : 'Invoke',
            function: {
              name,
              ...(account && { account }),
              ...(region && { region }),
              ...(qualifier && { qualifier }),
            },
            givenName: text,
            invocationType: type === 'ResponseStream' ? 'RequestResponse' : type,
            logType: 'None',
          };
          const { outcome } = decide({ policy: compiled, home, scopeDurableName: () => 'x', call });
          if (outcome.ok) return true;
        }
      }
    }
  }
  return false;
}

const PLACED = NAMES.flatMap((name) => [
  name,
  ...[OURS, THEIRS].flatMap((account) => ['eu-west-1', 'us-east-1'].map((region) => `${name}@${account}@${region}`)),
]);
const optional = <T>(one: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 2, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: one });
const clean = <T extends object>(one: T) =>
  Object.fromEntries(Object.entries(one).filter(([, value]) => value !== undefined)) as T;
const place = fc.tuple(fc.constantFrom(OURS, THEIRS), fc.constantFrom('eu-west-1', 'us-east-1'));
const arnOf = (name: fc.Arbitrary<string>) =>
  fc.tuple(place, name).map(([[account, region], text]) => `arn:aws:lambda:${region}:${account}:function:${text}`);
const pattern = fc.constantFrom('*', 'a*', '*b', 'orders', 'orders-*', 'a');
const selector = fc
  .record({
    function: fc.oneof(pattern, arnOf(pattern)),
    qualifiers: optional(fc.uniqueArray(fc.constantFrom('live', '1', '$LATEST'), { minLength: 1 })),
    types: optional(fc.uniqueArray(fc.constantFrom(...RULE_TYPES), { minLength: 1 })),
  })
  .map(clean);
const target = fc.oneof(
  fc.constantFrom('orders', 'orders:live', 'a', 'a:1', 'zz'),
  arnOf(fc.constantFrom('orders', 'a:1', 'ab')),
);
const policies = fc
  .record({
    allow: fc.array(selector, { maxLength: 3 }),
    deny: optional(fc.array(selector, { maxLength: 3 })),
    publish: optional(fc.dictionary(fc.constantFrom('p', 'q'), target, { noNullPrototype: true })),
    publishedOnly: optional(fc.boolean()),
  })
  .map(clean) as fc.Arbitrary<PolicyDocument>;

describe('D12: findPolicyFaults', () => {
  it('takes only policies of which each part is met by some call, and calls dead what none meets', () => {
    const seen = { accepted: 0, refused: 0 };
    fc.assert(
      fc.property(policies, (policy) => {
        const faults = findPolicyFaults(policy);
        seen[faults.length === 0 ? 'accepted' : 'refused'] += 1;
        const pointers = faults.map(({ path }) => path.slice(0, 2).join('/'));
        const published = Object.keys(policy.publish ?? {});
        policy.allow.forEach((rule, index) => {
          const names = policy.publishedOnly ? published : [...PLACED, ...published];
          const met = isMet({ ...policy, allow: [rule] }, names);
          expect([`allow/${index}`, met]).toEqual([`allow/${index}`, !pointers.includes(`allow/${index}`)]);
        });
        for (const name of published) {
          expect([name, isMet(policy, [name])]).toEqual([name, !pointers.includes(`publish/${name}`)]);
        }
      }),
      { numRuns: 400, seed: Number(process.env.POSTERN_PROPERTY_SEED ?? 4) },
    );
    expect(Math.min(seen.accepted, seen.refused)).toBeGreaterThan(40);
  });

  it('says why', () => {
    const problems = (policy: PolicyDocument) => findPolicyFaults(policy).map(({ path, problem }) => [path, problem]);
    expect(
      problems({ allow: [{ function: 'a', types: ['Event'] }], deny: [{ function: '*', types: ['Event'] }] }),
    ).toEqual([[['allow', 0, 'function'], expect.stringContaining("can never match: 'deny' covers all of it")]]);
    expect(problems({ allow: [{ function: 'a' }], publish: { p: 'b' } })).toEqual([
      [['publish', 'p'], expect.stringContaining("can never match: no rule in 'allow'")],
    ]);
    expect(problems({ allow: [{ function: 'a', qualifiers: ['live'] }], publish: { p: 'a:1' } })).toEqual([
      [['publish', 'p'], expect.stringContaining('can never match')],
    ]);
    expect(problems({ allow: [], publishedOnly: true })).toEqual([
      [['publishedOnly'], expect.stringContaining('no name is published')],
    ]);
  });
});
