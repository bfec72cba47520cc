import type { InvokeArguments } from '../invoke/arguments.ts';
import type { FunctionName } from '../invoke/function-name.ts';
import { partitionOf } from '../invoke/region.ts';
import type { InvocationType, LogType, Operation } from '../invoke/types.ts';
import { type Refusal, type RefusalReason, refuse } from '../refusal.ts';
import { no, ok, type Result } from '../result.ts';
import { type FunctionTarget, matchesFunction } from './pattern.ts';
import type { AllowRule, Policy, Selector } from './policy.ts';

declare const permitBrand: unique symbol;

/**
 * Leave to invoke one function in one way. Only `authorize` makes one, and only a Permit can be forwarded: what goes to
 * Lambda is built from it, never from what the caller wrote.
 */
export interface Permit {
  readonly [permitBrand]: true;
  readonly operation: Operation;
  readonly target: FunctionTarget;
  readonly qualifier?: string;
  readonly invocationType: InvocationType;
  readonly logType: LogType;
  /** The log is for us, to see what Lambda bills; the caller has not asked for it. */
  readonly logIsOurs: boolean;
  readonly clientContext?: string;
  /** What Lambda gets as X-Amz-Tenant-Id. */
  readonly tenantId?: string;
  readonly durableExecutionName?: string;
  /** The function as the caller named it, for messages to that caller. */
  readonly givenName: string;
  /** The caller used a published name: where the function lives is not for it to see. */
  readonly isPublished: boolean;
  /** The largest payload that the policy allows; infinite when it says nothing. */
  readonly maxPayloadBytes: number;
}

/** What `authorize` decides over. */
export interface AuthorizeInput {
  readonly policy: Policy;
  /** How the tenant is called in a refusal. */
  readonly tenant: string;
  /** Our account, and the region of the tenant's functions. */
  readonly home: { readonly account: string; readonly region: string };
  /** Whether calls may come from the caller's address; absent: they may. */
  readonly isAddressAllowed?: boolean;
  /** `upstream.tenantId`: always wins over the caller's. */
  readonly upstreamTenantId?: string;
  /** Ask for the log of every call that has one, for what it says of the bill. */
  readonly meterDuration?: boolean;
  readonly call: InvokeArguments;
}

/** What was decided, and by which rule; absent where no single one did. */
export interface Decision {
  readonly outcome: Result<Permit, Refusal>;
  readonly rule?: { readonly list: 'allow' | 'deny'; readonly index: number };
  /** The function that was meant, if there is such a place. */
  readonly target?: FunctionTarget;
  readonly qualifier?: string;
}

/** What a rule can say no to, in the order in which it is asked. */
const CHECKS: readonly (readonly [
  RefusalReason & `${string}-not-allowed`,
  (rule: AllowRule, call: InvokeArguments, qualifier: string | undefined) => boolean,
])[] = [
  ['qualifier-not-allowed', (rule, _call, qualifier) => selectsQualifier(rule, qualifier)],
  ['type-not-allowed', (rule, call) => selectsType(rule, call)],
  ['log-tail-not-allowed', (rule, call) => call.logType === 'None' || rule.logTail],
  ['client-context-not-allowed', (rule, call) => call.clientContext === undefined || rule.clientContext],
  ['tenant-id-not-allowed', (rule, call) => call.tenantId === undefined || rule.tenantId === 'caller'],
];

const selectsQualifier = ({ qualifiers }: Selector, qualifier: string | undefined) =>
  qualifiers?.includes(qualifier ?? '$LATEST') ?? true;
const selectsType = ({ types }: Selector, { invocationType }: InvokeArguments) =>
  types?.includes(invocationType) ?? true;

/** Decides whether a tenant may make a call. */
export const authorize = (input: AuthorizeInput): Result<Permit, Refusal> => decideCall(input).outcome;

/**
 * Decides, and says which rule did. Denies by default: no rule of `deny` may select the call, and one rule of `allow` has
 * to allow all of it. When none does, the refusal names what the nearest rule said no to. Of several that do, the one
 * with the most room for the payload counts.
 */
export function decideCall(input: AuthorizeInput): Decision {
  const { call, home, policy } = input;
  const refused = (reason: RefusalReason & `${string}-${'not-allowed' | 'denied'}`) =>
    no(refuse(reason, input.tenant, call.givenName));
  if (input.isAddressAllowed === false) return { outcome: refused('address-not-allowed') };

  const published = publishedTarget(policy, call.function);
  const asked = published ?? call.function;
  const given = call.function.qualifier;
  if (published?.qualifier !== undefined && given !== undefined && given !== published.qualifier) {
    return { outcome: no(refuse('qualifier-mismatch')) };
  }
  const qualifier = asked.qualifier ?? given;
  const target = locate(asked, home);
  if (target === undefined) return { outcome: refused('function-not-allowed') };
  const found = { target, ...(qualifier !== undefined && { qualifier }) };

  const denial = policy.deny.find(
    (rule) =>
      matchesFunction(rule.function, target, home) && selectsQualifier(rule, qualifier) && selectsType(rule, call),
  );
  if (denial) return { ...found, outcome: refused('function-denied'), rule: { list: 'deny', index: denial.index } };

  let nearest = -1;
  let nearestRule: AllowRule | undefined;
  let allowing: AllowRule | undefined;
  for (const rule of policy.allow) {
    if (!matchesFunction(rule.function, target, home)) continue;
    const refusedBy = CHECKS.findIndex(([, allows]) => !allows(rule, call, qualifier));
    if (refusedBy < 0) {
      if (!allowing || rule.maxPayloadBytes > allowing.maxPayloadBytes) allowing = rule;
    } else if (refusedBy > nearest) {
      nearest = refusedBy;
      nearestRule = rule;
    }
  }
  const rule = allowing ?? nearestRule;
  return {
    ...found,
    ...(rule && { rule: { list: 'allow', index: rule.index } }),
    outcome: allowing
      ? ok(makePermit(input, found, published !== undefined, allowing))
      : refused(CHECKS[nearest]?.[0] ?? 'function-not-allowed'),
  };
}

/** The regions in which a tenant may call anything at all. */
export function regionsOf(policy: Policy, homeRegion: string): ReadonlySet<string> {
  return new Set([homeRegion, ...policy.allow.flatMap(({ function: { place } }) => (place ? [place.region] : []))]);
}

/** What a bare name is published for. An ARN is never taken for one. */
function publishedTarget({ publish }: Policy, { name, account, region, partition }: FunctionName) {
  return (account ?? region ?? partition) ? undefined : publish.get(name);
}

/** Where the named function lives: what the caller left out is ours. Undefined when there is no such place. */
function locate(asked: FunctionName, home: AuthorizeInput['home']): FunctionTarget | undefined {
  const { partition, region = home.region, account = home.account, name } = asked;
  const known = partitionOf(region);
  if (!known || (partition !== undefined && partition !== known.name)) return undefined;
  return { partition: known.name, region, account, name };
}

function makePermit(
  { call, upstreamTenantId, meterDuration }: AuthorizeInput,
  { target, qualifier }: Pick<Decision, 'qualifier'> & { readonly target: FunctionTarget },
  isPublished: boolean,
  { maxPayloadBytes }: AllowRule,
): Permit {
  const tenantId = upstreamTenantId ?? call.tenantId;
  // Only a call that waits for its function has a log (API_Invoke, LogType).
  const isWaited = call.operation === 'Invoke' && call.invocationType === 'RequestResponse';
  const logIsOurs = meterDuration === true && isWaited && call.logType === 'None';
  return {
    operation: call.operation,
    target,
    ...(qualifier !== undefined && { qualifier }),
    invocationType: call.invocationType,
    logType: logIsOurs ? 'Tail' : call.logType,
    logIsOurs,
    ...(call.clientContext !== undefined && { clientContext: call.clientContext }),
    ...(tenantId !== undefined && { tenantId }),
    ...(call.durableExecutionName !== undefined && { durableExecutionName: call.durableExecutionName }),
    givenName: call.givenName,
    isPublished,
    maxPayloadBytes,
  } as Permit;
}
