import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeApi } from '../../../src/admin/openapi.ts';
import type { InvokeArguments } from '../../../src/core/invoke/arguments.ts';
import { INVOCATION_TYPES, RULE_TYPES } from '../../../src/core/invoke/types.ts';
import {
  type AllowRuleDocument,
  compilePolicy,
  type PolicyDocument,
  type SelectorDocument,
} from '../../../src/core/policy/policy.ts';
import { decide } from '../../support/decide.ts';

const OURS = '111111111111';
const THEIRS = '222222222222';
const HOME = { account: OURS, region: 'eu-west-1' };

interface Case {
  readonly policy: PolicyDocument;
  readonly call: InvokeArguments;
  readonly isAddressAllowed: boolean;
}

/** The same decision, slow and plain: one sentence of src/docs/tenants.md after the other, with regular expressions. */
function reference({ policy, call, isAddressAllowed }: Case): {
  allowed: boolean;
  arn?: string;
  maxPayloadBytes?: number;
  durable?: string;
} {
  if (!isAddressAllowed) return { allowed: false };
  let asked = call.function;
  const isBare = asked.partition === undefined && asked.region === undefined && asked.account === undefined;
  const published =
    isBare && Object.hasOwn(policy.publish ?? {}, asked.name) ? policy.publish?.[asked.name] : undefined;
  if (policy.publishedOnly === true && published === undefined) return { allowed: false };
  if (published !== undefined) {
    const arn = /^arn:(.*?):lambda:(.*?):(\d{12}):function:([^:]+)(?::(.*))?$/.exec(published);
    const [, name = '', qualifier] = arn ? [undefined, arn[4], arn[5]] : published.split(/^([^:]+):?(.*)$/).slice(0, 3);
    const wanted = qualifier === '' ? undefined : qualifier;
    if (wanted !== undefined && asked.qualifier !== undefined && wanted !== asked.qualifier) return { allowed: false };
    const own = wanted ?? asked.qualifier;
    asked = {
      ...(arn && { partition: arn[1] as string, region: arn[2] as string, account: arn[3] as string }),
      name,
      ...(own !== undefined && { qualifier: own }),
    };
  }
  const region = asked.region ?? HOME.region;
  const partition = region.startsWith('cn-') ? 'aws-cn' : 'aws';
  if (asked.partition !== undefined && asked.partition !== partition) return { allowed: false };
  const arn = `arn:${partition}:lambda:${region}:${asked.account ?? OURS}:function:${asked.name}`;
  const selects = (rule: SelectorDocument, elsewhere: 'home' | '*') => {
    const prefix = elsewhere === 'home' ? `arn:aws:lambda:${HOME.region}:${OURS}` : 'arn:*:lambda:*:*';
    const text = rule.function.startsWith('arn:') ? rule.function : `${prefix}:function:${rule.function}`;
    const pattern = new RegExp(`^${text.replace(/[.]/g, '\\.').replaceAll('*', '.*')}$`);
    const qualifiers = rule.qualifiers ?? [asked.qualifier ?? '$LATEST'];
    const types = rule.types ?? RULE_TYPES;
    const isStream = call.operation === 'InvokeWithResponseStream' && call.invocationType !== 'DryRun';
    return (
      pattern.test(arn) &&
      qualifiers.includes(asked.qualifier ?? '$LATEST') &&
      types.includes(isStream ? 'ResponseStream' : call.invocationType)
    );
  };
  if ((policy.deny ?? []).some((rule) => selects(rule, '*'))) return { allowed: false };
  const allowing = policy.allow.filter(
    (rule) =>
      selects(rule, 'home') &&
      (call.logType === 'None' || rule.logTail === true) &&
      (call.clientContext === undefined || rule.clientContext !== false) &&
      (call.tenantId === undefined || rule.tenantId === 'caller') &&
      (call.durableExecutionName === undefined || rule.durableNames !== undefined),
  );
  if (allowing.length === 0) return { allowed: false };
  const maxPayloadBytes = Math.max(...allowing.map(({ maxPayloadBytes: max }) => max ?? Number.POSITIVE_INFINITY));
  const scopes = allowing.some(({ durableNames }) => durableNames === 'scoped');
  const given = call.durableExecutionName;
  const durable = given !== undefined && scopes ? `mine-${given}` : given;
  const whole = asked.qualifier === undefined ? arn : `${arn}:${asked.qualifier}`;
  return { allowed: true, arn: whole, maxPayloadBytes, ...(durable !== undefined && { durable }) };
}

const name = fc.constantFrom('a', 'b', 'ab', 'a.b', 'orders', 'orders-1');
const qualifier = fc.constantFrom('live', '1', '$LATEST');
const optional = <T>(one: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: one });
const clean = <T extends object>(one: T) =>
  Object.fromEntries(Object.entries(one).filter(([, value]) => value !== undefined)) as T;
const pattern = fc.oneof(
  fc.constantFrom('*', 'a*', '*b', 'orders', 'orders-*', 'a', '*.*'),
  fc
    .tuple(
      fc.constantFrom(OURS, THEIRS),
      fc.constantFrom('eu-west-1', 'us-east-1'),
      fc.constantFrom('*', 'a*', 'orders'),
    )
    .map(([account, region, text]) => `arn:aws:lambda:${region}:${account}:function:${text}`),
);
const selector = {
  function: pattern,
  qualifiers: optional(fc.uniqueArray(qualifier, { minLength: 1 })),
  types: optional(fc.uniqueArray(fc.constantFrom(...RULE_TYPES), { minLength: 1 })),
};
const allow = {
  ...selector,
  logTail: optional(fc.boolean()),
  clientContext: optional(fc.boolean()),
  maxPayloadBytes: optional(fc.constantFrom(10, 1_000)),
  tenantId: optional(fc.constant('caller' as const)),
  durableNames: optional(fc.constantFrom('scoped' as const, 'shared' as const)),
};
const policy = {
  allow: fc.array(fc.record(allow).map(clean) as fc.Arbitrary<AllowRuleDocument>, { maxLength: 5 }),
  deny: optional(fc.array(fc.record(selector).map(clean), { maxLength: 2 })),
  publishedOnly: optional(fc.constantFrom(true, false)),
  publish: optional(
    fc.dictionary(
      fc.constantFrom('public', 'a', 'toString'),
      fc.constantFrom(
        'orders',
        'orders:live',
        'a',
        `arn:aws:lambda:us-east-1:${THEIRS}:function:a:1`,
        `arn:aws:lambda:eu-west-1:${OURS}:function:orders`,
      ),
      { noNullPrototype: true },
    ),
  ),
};
const policies = fc.record(policy).map(clean) as fc.Arbitrary<PolicyDocument>;
/** Fields of a policy that the reference does not know, and where each is tested. */
const ELSEWHERE = {
  ipAllow: 'here as `isAddressAllowed`',
  corsOrigins: 'test/core/policy/decide.test.ts',
  maxPresignedSeconds: 'test/core/policy/decide.test.ts',
  contentTypes: 'test/story/payloads.test.ts',
  errorDetail: 'test/gateway/revise-answer.test.ts',
};
const calls = fc
  .record({
    operation: fc.constantFrom('Invoke' as const, 'Invoke' as const, 'InvokeWithResponseStream' as const),
    function: fc
      .record({
        name: fc.oneof(name, fc.constantFrom('public', 'toString')),
        partition: optional(fc.constantFrom('aws', 'aws-cn')),
        region: optional(fc.constantFrom('eu-west-1', 'us-east-1', 'cn-north-1')),
        account: optional(fc.constantFrom(OURS, THEIRS)),
        qualifier: optional(qualifier),
      })
      .map(clean),
    givenName: fc.constant('as given'),
    invocationType: fc.constantFrom(...INVOCATION_TYPES),
    logType: fc.constantFrom('None' as const, 'None' as const, 'Tail' as const),
    clientContext: optional(fc.constant('e30=')),
    tenantId: optional(fc.constant('t')),
    durableExecutionName: optional(fc.constant('run')),
  })
  .map(clean) as fc.Arbitrary<InvokeArguments>;

describe('the reference', () => {
  const { schemas } = JSON.parse(JSON.stringify(describeApi())).components;
  it.each([
    ['Policy', { ...policy, ...ELSEWHERE }],
    ['AllowRule', allow],
    ['DenyRule', selector],
  ])('is asked about every field of %s that its schema has', (schema, drawn) => {
    expect(Object.keys(drawn).sort()).toEqual(Object.keys(schemas[schema].properties).sort());
  });
});

describe('decideCall', () => {
  it('equals a slow reference, for any policy and any call', () => {
    const seen = { allowed: 0, refused: 0 };
    fc.assert(
      fc.property(
        fc.record({ policy: policies, call: calls, isAddressAllowed: fc.constantFrom(true, true, true, false) }),
        (one) => {
          const expected = reference(one);
          const decision = decide({
            policy: compilePolicy(one.policy),
            home: HOME,
            isAddressAllowed: one.isAddressAllowed,
            scopeDurableName: (given) => `mine-${given}`,
            call: one.call,
          });
          seen[expected.allowed ? 'allowed' : 'refused'] += 1;
          expect(decision.outcome.ok).toBe(expected.allowed);
          if (!decision.outcome.ok) return;
          const { target, qualifier: own, maxPayloadBytes, durableName } = decision.outcome.value;
          const { partition, region, account, name: called } = target;
          const arn = `arn:${partition}:lambda:${region}:${account}:function:${called}${own === undefined ? '' : `:${own}`}`;
          expect([arn, maxPayloadBytes, durableName?.sent]).toEqual([
            expected.arn,
            expected.maxPayloadBytes,
            expected.durable,
          ]);
          // The rule that it names allows the call by itself.
          const rule = one.policy.allow[decision.rule?.index ?? -1];
          expect(rule && reference({ ...one, policy: { ...one.policy, allow: [rule] } }).allowed).toBe(true);
        },
      ),
      { numRuns: 5_000 },
    );
    expect(Math.min(seen.allowed, seen.refused)).toBeGreaterThan(300);
  });
});
