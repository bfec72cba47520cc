import fc from 'fast-check';
import { INVOCATION_TYPES, type InvocationType, type Operation, RULE_TYPES } from '../../src/core/invoke/types.ts';
import { findPolicyFaults } from '../../src/core/policy/find-policy-faults.ts';
import type { AllowRuleDocument, PolicyDocument } from '../../src/core/policy/policy.ts';

const ACCOUNT = '123456789012';
const HOME = `arn:aws:lambda:us-east-1:${ACCOUNT}:function:`;
const ELSEWHERE = 'arn:aws:lambda:eu-west-1:999999999999:function:';
export const ALLOWED_IP = '203.0.113.9';
export const ALLOWED_PAGE = 'https://app.example.com';

/** Limits, of which one is used up. */
const USED_UP = [
  'rate',
  'concurrency',
  'day-requests',
  'week-requests',
  'month-requests',
  'day-bytes',
  'week-bytes',
  'month-bytes',
] as const;
export type LimitCase = 'none' | 'plenty' | (typeof USED_UP)[number];

/** A call, as `explain` takes it. */
export interface PlannedCall {
  readonly function: string;
  readonly operation?: Operation;
  readonly qualifier?: string;
  readonly type?: InvocationType;
  readonly logType?: 'Tail' | 'None';
  readonly clientContext?: true;
  readonly tenantId?: string;
  readonly durableExecutionName?: string;
  readonly payloadBytes: number;
  readonly ip?: string;
  readonly origin?: string;
  readonly presignedSeconds?: number;
}

export const KEY_CASES = ['live', 'any', 'revoked', 'expired', 'unknown'] as const;

export interface CallCase {
  readonly call: PlannedCall;
  /** `any`: the call is made with a live key, of which `explain` does not hear. */
  readonly key: (typeof KEY_CASES)[number];
  /** How the caller shows its key, unless it is presigned. */
  readonly shown: 'x-api-key' | 'bearer' | 'signed';
}

export interface TenantCase {
  readonly status: 'active' | 'suspended';
  readonly policy: PolicyDocument;
  readonly upstream: { readonly region?: string; readonly tenantId?: string };
  readonly maxPayloadBytes?: number;
  readonly limit: LimitCase;
  /** The gateway's `POSTERN_LAMBDA_NAMES`. */
  readonly names: 'arn' | 'name';
  readonly calls: readonly CallCase[];
}

const sometimes = <T>(weight: number, one: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 100 - weight, arbitrary: fc.constant(undefined) }, { weight, arbitrary: one });
const clean = <T extends object>(one: T) =>
  Object.fromEntries(Object.entries(one).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
const mostly = <T>(usual: T, ...others: T[]) =>
  fc.oneof({ weight: 85, arbitrary: fc.constant(usual) }, { weight: 15, arbitrary: fc.constantFrom(...others) });

const selector = {
  function: fc.oneof(
    { weight: 8, arbitrary: fc.constant('*') },
    { weight: 2, arbitrary: fc.constantFrom('hello', 'ec*', `${HOME}*`, `${ELSEWHERE}hello`) },
  ),
  qualifiers: sometimes(30, fc.uniqueArray(fc.constantFrom('live', '1', '$LATEST'), { minLength: 1 })),
  types: sometimes(20, fc.uniqueArray(fc.constantFrom(...RULE_TYPES), { minLength: 2 })),
};
const allow = fc
  .record({
    ...selector,
    logTail: sometimes(60, fc.constant(true)),
    clientContext: sometimes(30, fc.constant(false)),
    maxPayloadBytes: sometimes(15, fc.constantFrom(50, 500)),
    tenantId: sometimes(50, fc.constant('caller' as const)),
    durableNames: sometimes(50, fc.constantFrom('scoped' as const, 'shared' as const)),
  })
  .map(clean) as fc.Arbitrary<AllowRuleDocument>;
const deny = fc.record({ ...selector, function: fc.constantFrom('echo', 'ec*', `${HOME}hello`) }).map(clean);
const policy = fc
  .record({
    allow: fc.array(allow, { minLength: 1, maxLength: 3 }),
    deny: sometimes(25, fc.array(deny, { minLength: 1, maxLength: 2 })),
    publish: sometimes(40, fc.constant({ orders: 'hello:live', raw: 'echo', theirs: `${ELSEWHERE}hello` })),
    publishedOnly: sometimes(10, fc.constant(true)),
    ipAllow: sometimes(40, fc.constant(['203.0.113.0/24', '2001:db8::/32'])),
    corsOrigins: sometimes(50, fc.constant([ALLOWED_PAGE])),
    maxPresignedSeconds: sometimes(50, fc.constant(60)),
  })
  .map((one) => clean(one) as PolicyDocument)
  .filter((one) => findPolicyFaults(one).length === 0);

/** A call that most policies allow. */
const plainCall: fc.Arbitrary<PlannedCall> = fc.record({
  function: fc.constantFrom('hello', 'echo'),
  payloadBytes: fc.constantFrom(0, 1, 2, 50),
  ip: fc.constant(ALLOWED_IP),
});
const oddCall = fc
  .record({
    function: fc.oneof(
      { weight: 60, arbitrary: fc.constantFrom('hello', 'hello', 'echo', 'orders') },
      { weight: 25, arbitrary: fc.constantFrom('hello:live', `${HOME}hello`, `${ACCOUNT}:function:echo:1`) },
      { weight: 10, arbitrary: fc.constantFrom(`${ELSEWHERE}hello`, 'theirs', 'orders:1') },
      { weight: 5, arbitrary: fc.constantFrom('a b', '...', 'hello:', 'x'.repeat(200)) },
    ),
    operation: sometimes(25, fc.constantFrom('InvokeWithResponseStream' as const, 'InvokeAsync' as const)),
    qualifier: sometimes(15, fc.constantFrom('live', '1', 'not one!')),
    type: sometimes(30, fc.constantFrom(...INVOCATION_TYPES)),
    logType: sometimes(12, fc.constantFrom('Tail' as const, 'None' as const)),
    clientContext: sometimes(12, fc.constant(true as const)),
    tenantId: sometimes(12, fc.constantFrom('blue', 'blue', 'not;one', 'one,two')),
    durableExecutionName: sometimes(12, fc.constantFrom('run-1', 'run-1', 'not one')),
    payloadBytes: fc.oneof(
      { weight: 90, arbitrary: fc.constantFrom(0, 1, 2, 50, 51, 500) },
      { weight: 10, arbitrary: fc.constantFrom(501, 101, 1_048_577, 6_291_457) },
    ),
    ip: mostly(ALLOWED_IP, '198.51.100.1', '2001:db8::7', '2001:db9::7'),
    origin: sometimes(8, fc.constantFrom(ALLOWED_PAGE, 'https://evil.example.com')),
    presignedSeconds: sometimes(15, fc.constantFrom(60, 61)),
  })
  .map(clean) as fc.Arbitrary<PlannedCall>;

const callCase: fc.Arbitrary<CallCase> = fc.record({
  call: fc.oneof({ weight: 60, arbitrary: plainCall }, { weight: 40, arbitrary: oddCall }),
  key: fc.oneof(
    { weight: 92, arbitrary: fc.constantFrom('live' as const, 'any' as const) },
    { weight: 8, arbitrary: fc.constantFrom(...KEY_CASES) },
  ),
  shown: fc.constantFrom('x-api-key' as const, 'bearer' as const, 'signed' as const),
});

/** Allows every plain call. */
const OPEN: PolicyDocument = { allow: [{ function: '*' }] };
/** A policy under which each of the probes is refused for a reason of its own. */
const NARROW: PolicyDocument = {
  allow: [
    { function: 'hello', qualifiers: ['live', '1'], types: ['RequestResponse'] },
    { function: 'echo', clientContext: false },
  ],
  deny: [{ function: 'fail' }],
  ipAllow: ['203.0.113.0/24'],
  maxPresignedSeconds: 60,
};
type Probe = Partial<PlannedCall> & Partial<Pick<CallCase, 'key'>>;
const PROBES: readonly Probe[] = [
  { key: 'revoked' },
  { key: 'expired' },
  { key: 'unknown' },
  { payloadBytes: 6_291_457 },
  { presignedSeconds: 61 },
  { origin: 'https://evil.example.com' },
  { ip: '198.51.100.1' },
  { function: 'a b' },
  { qualifier: 'not one!' },
  { tenantId: 'not;one' },
  { tenantId: 'one,two' },
  { durableExecutionName: 'not one' },
  { operation: 'InvokeWithResponseStream', type: 'Event' },
  { function: 'hello:live', qualifier: '1' },
  { function: 'slow' },
  { function: 'fail' },
  { function: 'hello:$LATEST' },
  { function: 'hello:live', type: 'DryRun' },
  { logType: 'Tail' },
  { clientContext: true },
  { tenantId: 'blue' },
  { durableExecutionName: 'run-1' },
];
const PROBES_EACH = 3;
/** Two mistakes in one call: the check that comes first decides. */
const pair: fc.Arbitrary<Probe> = fc
  .tuple(fc.constantFrom(...PROBES), fc.constantFrom(...PROBES))
  .map(([one, other]) => ({ ...one, ...other }));
const PAIRS_EACH = 10;
/** Tenants that are made so that every reason comes, whatever the seed: few, and with few calls. */
const NARROW_COUNT = Math.ceil(PROBES.length / PROBES_EACH);

/** Tenants and the calls that are made of each, at random, after some that are made so that every reason comes. */
export function sampleTenants(count: number, calls: number, seed: number): TenantCase[] {
  const [used, narrow] = [USED_UP.length, USED_UP.length + NARROW_COUNT];
  return fc.sample(tenantOf(calls), { numRuns: count, seed }).map(({ pairs, ...one }, index): TenantCase => {
    const few = one.calls.slice(0, PROBES_EACH);
    const open = { ...one, status: 'active' as const, policy: OPEN, calls: [...withProbes([{}]), ...few] };
    if (index < used) return { ...open, upstream: {}, limit: USED_UP[index] ?? 'none' };
    if (index < narrow) {
      const from = (index - used) * PROBES_EACH;
      const probes = [...PROBES.slice(from, from + PROBES_EACH), ...pairs];
      return { ...open, limit: 'plenty', upstream: {}, policy: NARROW, calls: withProbes(probes) };
    }
    if (index === narrow) return { ...open, status: 'suspended' };
    if (index === narrow + 1) return { ...open, limit: 'none', upstream: { region: 'eu-west-1' }, names: 'name' };
    return one;
  });
}

const withProbes = (probes: readonly Probe[]): CallCase[] =>
  probes.map(({ key = 'live', ...more }) => ({ ...PLAIN, key, call: { ...PLAIN.call, ...more } }));
const PLAIN: CallCase = { call: { function: 'echo', payloadBytes: 50, ip: ALLOWED_IP }, key: 'live', shown: 'signed' };

const tenantOf = (calls: number) =>
  fc
    .record({
      status: sometimes(4, fc.constant('suspended' as const)).map((one) => one ?? ('active' as const)),
      policy,
      upstream: fc
        .record({ region: sometimes(10, fc.constant('eu-west-1')), tenantId: sometimes(20, fc.constant('ours')) })
        .map(clean),
      maxPayloadBytes: sometimes(15, fc.constantFrom(100, 1_000_000)),
      limit: fc.oneof(
        { weight: 9, arbitrary: fc.constantFrom<LimitCase[]>('none', 'plenty') },
        { weight: 1, arbitrary: fc.constantFrom<LimitCase[]>(...USED_UP) },
      ),
      names: mostly<TenantCase['names']>('arn', 'name'),
      pairs: fc.array(pair, { minLength: PAIRS_EACH, maxLength: PAIRS_EACH, size: 'max' }),
      calls: fc.array(callCase, { minLength: calls, maxLength: calls, size: 'max' }),
    })
    .map(clean) as fc.Arbitrary<TenantCase & { readonly pairs: readonly Probe[] }>;
