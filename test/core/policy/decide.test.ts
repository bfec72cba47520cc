import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseArguments } from '../../../src/core/invoke/arguments.ts';
import type { Operation } from '../../../src/core/invoke/types.ts';
import { RULE_CHECKS } from '../../../src/core/policy/apply-rules.ts';
import { type CallFacts, CHECKS, decideCall } from '../../../src/core/policy/decide.ts';
import { type AllowRuleDocument, compilePolicy, type PolicyDocument } from '../../../src/core/policy/policy.ts';
import { parseQuery } from '../../../src/core/query.ts';
import { refuse } from '../../../src/core/refusal.ts';
import { err } from '../../../src/core/result.ts';
import { decide as decideFacts, factsOf } from '../../support/decide.ts';

const OURS = '123456789012';
const home = { account: OURS, region: 'eu-west-1' };

interface Asked {
  readonly name?: string;
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly upstreamTenantId?: string;
  readonly operation?: Operation;
  /** Of the policy, beside `allow`. */
  readonly more?: Partial<PolicyDocument>;
}

const decide = (
  allow: readonly AllowRuleDocument[],
  { name = 'orders', query = '', headers = {}, operation = 'Invoke', more = {}, ...rest }: Asked = {},
) => {
  const call = parseArguments({
    operation,
    rawFunctionName: name,
    query: parseQuery(query),
    header: (header) => headers[header],
    maxFunctionNameLength: 170,
  });
  if (!call.ok) throw new Error(call.error.message);
  const scopeDurableName = (given: string) => `mine-${given}`;
  const policy = compilePolicy({ allow, ...more });
  return decideFacts({ policy, home, scopeDurableName, call: call.value, ...rest }).outcome;
};
const reason = (...input: Parameters<typeof decide>) => {
  const decided = decide(...input);
  return decided.ok ? 'permitted' : decided.error.reason;
};

const anything: AllowRuleDocument = { function: '*', logTail: true, tenantId: 'caller' };

describe('decideCall', () => {
  it('permits nothing without a rule', () => {
    expect(reason([])).toBe('function-not-allowed');
  });

  it('builds the permit from what the name means, and not from how it was written', () => {
    const forms = [
      'orders:live',
      'function:orders:live',
      `${OURS}:orders:live`,
      `${OURS}:function:orders:live`,
      `eu-west-1:${OURS}:function:orders:live`,
      `arn:aws:lambda:eu-west-1:${OURS}:function:orders:live`,
      'arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Aorders%3Alive',
    ];
    for (const name of forms) {
      const permit = decide([{ function: 'orders' }], { name });
      expect(permit.ok && { ...permit.value.target, qualifier: permit.value.qualifier }).toEqual({
        partition: 'aws',
        region: 'eu-west-1',
        account: OURS,
        name: 'orders',
        qualifier: 'live',
      });
    }
  });

  it.each([
    'arn:aws:lambda:eu-west-1:999999999999:function:orders',
    '999999999999:orders',
    '999999999999:function:orders',
    `arn:aws:lambda:us-east-1:${OURS}:function:orders`,
    `us-east-1:${OURS}:function:orders`,
    'us-east-1:orders',
    `arn:aws-cn:lambda:eu-west-1:${OURS}:function:orders`,
    `arn:aws:lambda:us-isoz-east-1:${OURS}:function:orders`,
  ])('never takes a rule without a place for one that lets %s through', (name) => {
    expect(reason([{ function: 'orders' }, anything], { name })).toBe('function-not-allowed');
  });

  it("never permits a stranger's account or region, whatever the name, under rules without a place", () => {
    const account = fc.stringMatching(/^\d{12}$/);
    const region = fc.constantFrom('us-east-1', 'eu-west-1', 'cn-north-1', 'us-gov-west-1');
    fc.assert(
      fc.property(account, region, fc.boolean(), (other, place, full) => {
        const name = full ? `arn:aws:lambda:${place}:${other}:function:f` : `${other}:function:f`;
        const decided = decide([anything], { name });
        if (decided.ok) expect(decided.value.target).toMatchObject({ account: OURS, region: home.region });
      }),
    );
  });

  it('permits another account and region by a full-ARN rule, and only that one', () => {
    const rule = { function: 'arn:aws:lambda:us-east-1:999999999999:function:orders-*' };
    const arn = (account: string, region: string, name: string) =>
      `arn:aws:lambda:${region}:${account}:function:${name}`;
    expect(reason([rule], { name: arn('999999999999', 'us-east-1', 'orders-1') })).toBe('permitted');
    expect(reason([rule], { name: arn('999999999998', 'us-east-1', 'orders-1') })).toBe('function-not-allowed');
    expect(reason([rule], { name: arn('999999999999', 'us-east-2', 'orders-1') })).toBe('function-not-allowed');
    expect(reason([rule], { name: arn('999999999999', 'us-east-1', 'payments') })).toBe('function-not-allowed');
    expect(reason([rule], { name: 'orders-1' })).toBe('function-not-allowed');
  });

  it.each([
    [{ qualifiers: ['live'] }, { query: 'Qualifier=live' }, 'permitted'],
    [{ qualifiers: ['live'] }, { name: 'orders:live' }, 'permitted'],
    [{ qualifiers: ['live'] }, {}, 'qualifier-not-allowed'],
    [{ qualifiers: ['live'] }, { query: 'Qualifier=$LATEST' }, 'qualifier-not-allowed'],
    [{ qualifiers: ['$LATEST'] }, {}, 'permitted'],
    [{ types: ['Event'] }, {}, 'type-not-allowed'],
    [{ types: ['Event'] }, { headers: { 'x-amz-invocation-type': 'Event' } }, 'permitted'],
    [{ types: ['RequestResponse'] }, { headers: { 'x-amz-invocation-type': 'DryRun' } }, 'type-not-allowed'],
    [{}, { headers: { 'x-amz-log-type': 'Tail' } }, 'log-tail-not-allowed'],
    [{ logTail: true }, { headers: { 'x-amz-log-type': 'Tail' } }, 'permitted'],
    [{}, { headers: { 'x-amz-log-type': 'None' } }, 'permitted'],
    [{}, { headers: { 'x-amz-tenant-id': 'a' } }, 'tenant-id-not-allowed'],
    [{ tenantId: 'caller' }, { headers: { 'x-amz-tenant-id': 'a' } }, 'permitted'],
    [{}, { headers: { 'x-amz-durable-execution-name': 'run' } }, 'durable-names-not-allowed'],
    [{ durableNames: 'scoped' }, { headers: { 'x-amz-durable-execution-name': 'run' } }, 'permitted'],
    [{ durableNames: 'shared' }, { headers: { 'x-amz-durable-execution-name': 'run' } }, 'permitted'],
    [{ types: ['RequestResponse'] }, { operation: 'InvokeWithResponseStream' }, 'type-not-allowed'],
    [{ types: ['ResponseStream'] }, { operation: 'InvokeWithResponseStream' }, 'permitted'],
    [{ types: ['ResponseStream'] }, {}, 'type-not-allowed'],
    [
      { types: ['ResponseStream'] },
      { operation: 'InvokeWithResponseStream', headers: { 'x-amz-invocation-type': 'DryRun' } },
      'type-not-allowed',
    ],
  ] as [Partial<AllowRuleDocument>, Asked, string][])(
    'of a rule with %j answers %j with %s',
    (rule, asked, expected) => {
      expect(reason([{ function: 'orders', ...rule }], asked)).toBe(expected);
    },
  );

  it('asks one rule to allow all of a call', () => {
    const rules: AllowRuleDocument[] = [
      { function: 'orders', qualifiers: ['live'] },
      { function: 'orders', qualifiers: ['beta'], logTail: true },
    ];
    const headers = { 'x-amz-log-type': 'Tail' };
    expect(reason(rules, { name: 'orders:beta', headers })).toBe('permitted');
    expect(reason(rules, { name: 'orders:live', headers })).toBe('log-tail-not-allowed');
  });

  it('scopes the name of a durable execution if one rule that allows the call says so', () => {
    const headers = { 'x-amz-durable-execution-name': 'run' };
    const sent = (...names: readonly ('scoped' | 'shared' | undefined)[]) => {
      const rules = names.map((durableNames) => ({ function: 'orders', ...(durableNames && { durableNames }) }));
      const decided = decide(rules, { headers });
      return decided.ok && decided.value.durableName;
    };
    expect(sent('shared')).toEqual({ given: 'run', sent: 'run' });
    expect(sent('shared', 'scoped')).toEqual({ given: 'run', sent: 'mine-run' });
    expect(sent('scoped', undefined, 'shared')).toEqual({ given: 'run', sent: 'mine-run' });
  });

  it('sends no name where the key that scopes it is not there: fails closed', () => {
    const headers = { 'x-amz-durable-execution-name': 'run' };
    const rules = [{ function: 'orders', durableNames: 'scoped' as const }];
    const call = parseArguments({
      operation: 'Invoke',
      rawFunctionName: 'orders',
      query: new Map(),
      header: (header) => (headers as Record<string, string>)[header],
      maxFunctionNameLength: 170,
    });
    if (!call.ok) throw new Error(call.error.message);
    const policy = compilePolicy({ allow: rules });
    const decided = decideFacts({ policy, home, call: call.value }).outcome;
    expect(!decided.ok && decided.error.reason).toBe('durable-names-unavailable');
  });

  it('denies a name in every account and region, however it is reached', () => {
    const abroad = 'arn:aws:lambda:us-east-1:999999999999:function:orders';
    const rules = [{ function: 'orders' }, { function: abroad }];
    const more = (function_: string) => ({ more: { deny: [{ function: function_ }], publish: { p: abroad } } });
    for (const name of ['orders', abroad, 'p']) {
      for (const pattern of ['orders', 'ord*', '*']) {
        expect(reason(rules, { name, ...more(pattern) })).toBe('function-denied');
      }
      expect(reason(rules, { name, ...more('payments') })).toBe('permitted');
    }
    expect(reason(rules, more(abroad))).toBe('permitted');
    expect(reason(rules, { name: 'p', ...more(abroad) })).toBe('function-denied');
  });

  it.each([
    { function: 'not a name' },
    { function: 'other', types: ['Evnt'] },
    { function: 'other', qualifiers: ['a b'] },
    { function: 7 },
    {},
    null,
  ])('denies everything where a rule of deny cannot be read, and says which: %j', (rule) => {
    const document = { allow: [{ function: '*' }], deny: [{ function: 'payments' }, rule as never] };
    expect(reason(document.allow, { more: document })).toBe('function-denied');
    const abroad = 'arn:aws:lambda:us-east-1:999999999999:function:f';
    expect(reason([{ function: abroad }], { name: abroad, more: { deny: document.deny } })).toBe('function-denied');
    expect(compilePolicy(document).unreadable).toEqual(['/deny/1']);
  });

  it('calls nothing by a published name whose target cannot be read', () => {
    const more = { publish: { orders: 'arn:aws:lambda:nowhere:1:function:x' } };
    expect(reason([{ function: '*' }], { more })).toBe('function-not-allowed');
    expect(reason([{ function: '*' }], { more, name: 'payments' })).toBe('permitted');
  });

  it('calls by published names only, where the policy says so', () => {
    const more = { publish: { p: 'orders' }, publishedOnly: true };
    const arn = `arn:aws:lambda:eu-west-1:${OURS}:function:orders`;
    for (const name of ['orders', arn, `${OURS}:p`, 'function:orders']) {
      expect(reason([anything], { name, more })).toBe('function-not-allowed');
    }
    expect(reason([anything], { name: 'p', more })).toBe('permitted');
    expect(reason([anything], { name: 'p:live', more })).toBe('permitted');
  });

  it("sends the upstream's tenant id, whatever the caller's", () => {
    const headers = { 'x-amz-tenant-id': 'mine' };
    const decided = decide([anything], { headers, upstreamTenantId: 'acme' });
    expect(decided.ok && decided.value.tenantId).toBe('acme');
  });
});

/** A call that each of the first `count` checks lets pass, and every later one refuses. */
function callThatFailsAfter(count: number): CallFacts {
  const call = parseArguments({
    operation: 'Invoke',
    rawFunctionName: 'orders',
    query: new Map(),
    header: (name) => (name === 'x-amz-durable-execution-name' ? 'run' : undefined),
    maxFunctionNameLength: 170,
  });
  if (!call.ok) throw new Error(call.error.message);
  const passes = (name: string) => CHECKS.findIndex(([one]) => one === name) < count;
  const deny = passes('deny rules') ? [] : [{ function: 'orders' }];
  const allow = passes('allow rules') ? [{ function: '*', durableNames: 'scoped' as const }] : [];
  const corsOrigins = passes('origin') ? ['https://app.example'] : [];
  const policy = compilePolicy({
    allow: [...allow, { function: 'arn:aws:lambda:us-east-1:999999999999:function:elsewhere' }],
    deny,
    corsOrigins,
    publishedOnly: !passes('function'),
    maxPresignedSeconds: passes('presigned lifetime') ? 900 : 60,
  });
  const facts = factsOf({ policy, home, call: call.value, isAddressAllowed: passes('address') });
  const region = passes('place') ? home.region : 'us-east-1';
  return {
    ...facts,
    tenant: { ...facts.tenant, status: passes('caller') ? 'active' : 'suspended', upstream: { region } },
    gateway: { ...facts.gateway, lambdaNames: 'name' },
    claim: {
      form: 'query',
      signedAtMs: 0,
      expiresSeconds: 300,
      scope: { region: passes('signed region') ? region : 'ap-south-1' },
    },
    origin: 'https://app.example',
    args: passes('arguments') ? call : err(refuse('log-type', 'x')),
  };
}

/** Freezes plain data, and all that it holds. */
function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const one of Object.values(value)) deepFreeze(one);
  return value;
}

describe('CHECKS', () => {
  it('are asked in this order, and the first that refuses decides', () => {
    const reasons = CHECKS.map(([name], index) => {
      const { outcome } = decideCall(callThatFailsAfter(index));
      return [name, outcome.ok ? 'permitted' : outcome.error.reason];
    });
    expect(reasons).toEqual([
      ['caller', 'tenant-suspended'],
      ['signed region', 'signature-scope'],
      ['presigned lifetime', 'presigned-too-long'],
      ['origin', 'origin-not-allowed'],
      ['arguments', 'log-type'],
      ['address', 'address-not-allowed'],
      ['function', 'function-not-allowed'],
      ['deny rules', 'function-denied'],
      ['allow rules', 'function-not-allowed'],
      ['place', 'function-elsewhere'],
      ['durable name', 'durable-names-unavailable'],
    ]);
  });

  it('change nothing: the same facts, which cannot be changed, give the same decision', () => {
    for (let count = 0; count <= CHECKS.length; count++) {
      const facts = deepFreeze(callThatFailsAfter(count));
      expect(decideCall(facts)).toEqual(decideCall(facts));
    }
    const list: unknown[] = deepFreeze([[]]);
    expect(() => (list[0] as unknown[]).push(1)).toThrow(TypeError);
  });

  it('say how far the decision came', () => {
    const refusedBy = (name: string) => decideCall(callThatFailsAfter(CHECKS.findIndex(([one]) => one === name)));
    expect(refusedBy('caller')).toMatchObject({ isLive: false, allowsOrigin: false, target: undefined });
    expect(refusedBy('arguments')).toMatchObject({ isLive: true, allowsOrigin: true, target: undefined });
    expect(refusedBy('deny rules')).toMatchObject({ rule: { list: 'deny', index: 0 }, target: { name: 'orders' } });
    expect(refusedBy('place')).toMatchObject({ rule: { list: 'allow', index: 0 } });
  });
});

describe('RULE_CHECKS', () => {
  it('are asked in this order, and a call of everything passes each as its rule allows it', () => {
    const call = {
      headers: {
        'x-amz-log-type': 'Tail',
        'x-amz-client-context': 'e30=',
        'x-amz-tenant-id': 'a',
        'x-amz-durable-execution-name': 'run',
      },
    };
    /** What of the rule lets one more check pass, and which refuses then. */
    const steps: readonly (readonly [Partial<AllowRuleDocument>, string])[] = [
      [{ qualifiers: ['live'], types: ['Event'], clientContext: false }, 'qualifier-not-allowed'],
      [{ qualifiers: ['$LATEST'] }, 'type-not-allowed'],
      [{ types: ['RequestResponse'] }, 'log-tail-not-allowed'],
      [{ logTail: true }, 'client-context-not-allowed'],
      [{ clientContext: true }, 'tenant-id-not-allowed'],
      [{ tenantId: 'caller' }, 'durable-names-not-allowed'],
      [{ durableNames: 'scoped' }, 'permitted'],
    ];
    let rule: AllowRuleDocument = { function: 'orders' };
    for (const [more, expected] of steps) {
      rule = { ...rule, ...more };
      expect([rule, reason([rule], call)]).toEqual([rule, expected]);
    }
    expect([...RULE_CHECKS.map(([name]) => name), 'permitted']).toEqual(steps.map(([, name]) => name));
  });
});
