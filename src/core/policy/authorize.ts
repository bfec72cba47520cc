import type { InvokeArguments } from '../invoke/arguments.ts';
import { partitionOf } from '../invoke/region.ts';
import type { InvocationType, LogType, Operation } from '../invoke/types.ts';
import { type Refusal, type RefusalReason, refuse } from '../refusal.ts';
import { no, ok, type Result } from '../result.ts';
import { type FunctionTarget, matchesFunction } from './pattern.ts';
import type { AllowRule, Policy } from './policy.ts';

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
}

/** What `authorize` decides over. */
export interface AuthorizeInput {
  readonly policy: Policy;
  /** How the tenant is called in a refusal. */
  readonly tenant: string;
  /** Our account, and the region of the tenant's functions. */
  readonly home: { readonly account: string; readonly region: string };
  /** `upstream.tenantId`: always wins over the caller's. */
  readonly upstreamTenantId?: string;
  /** Ask for the log of every call that has one, for what it says of the bill. */
  readonly meterDuration?: boolean;
  readonly call: InvokeArguments;
}

/** What a rule can say no to, in the order in which it is asked. */
const CHECKS: readonly (readonly [
  RefusalReason & `${string}-not-allowed`,
  (rule: AllowRule, call: InvokeArguments) => boolean,
])[] = [
  ['qualifier-not-allowed', (rule, call) => rule.qualifiers?.includes(call.function.qualifier ?? '$LATEST') ?? true],
  ['type-not-allowed', (rule, call) => rule.types?.includes(call.invocationType) ?? true],
  ['log-tail-not-allowed', (rule, call) => call.logType === 'None' || rule.logTail],
  ['tenant-id-not-allowed', (rule, call) => call.tenantId === undefined || rule.tenantId === 'caller'],
];

/**
 * Decides whether a tenant may make a call. Denies by default: one rule has to allow all of the call. When none does,
 * the refusal names what the nearest rule said no to.
 */
export function authorize(input: AuthorizeInput): Result<Permit, Refusal> {
  const { call, home } = input;
  const target = locate(call, home);
  let nearest = -1;
  for (const rule of target === undefined ? [] : input.policy.allow) {
    if (target === undefined || !matchesFunction(rule.function, target, home)) continue;
    const refusedBy = CHECKS.findIndex(([, allows]) => !allows(rule, call));
    if (refusedBy < 0) return ok(makePermit(input, target));
    nearest = Math.max(nearest, refusedBy);
  }
  const reason = CHECKS[nearest]?.[0] ?? 'function-not-allowed';
  return no(refuse(reason, input.tenant, call.givenName));
}

/** The regions in which a tenant may call anything at all. */
export function regionsOf(policy: Policy, homeRegion: string): ReadonlySet<string> {
  return new Set([homeRegion, ...policy.allow.flatMap(({ function: { place } }) => (place ? [place.region] : []))]);
}

/** Where the named function lives: what the caller left out is ours. Undefined when there is no such place. */
function locate(call: InvokeArguments, home: AuthorizeInput['home']): FunctionTarget | undefined {
  const { partition, region = home.region, account = home.account, name } = call.function;
  const known = partitionOf(region);
  if (!known || (partition !== undefined && partition !== known.name)) return undefined;
  return { partition: known.name, region, account, name };
}

function makePermit({ call, upstreamTenantId, meterDuration }: AuthorizeInput, target: FunctionTarget): Permit {
  const tenantId = upstreamTenantId ?? call.tenantId;
  // Only a call that waits for its function has a log (API_Invoke, LogType).
  const isWaited = call.operation === 'Invoke' && call.invocationType === 'RequestResponse';
  const logIsOurs = meterDuration === true && isWaited && call.logType === 'None';
  return {
    operation: call.operation,
    target,
    ...(call.function.qualifier !== undefined && { qualifier: call.function.qualifier }),
    invocationType: call.invocationType,
    logType: logIsOurs ? 'Tail' : call.logType,
    logIsOurs,
    ...(call.clientContext !== undefined && { clientContext: call.clientContext }),
    ...(tenantId !== undefined && { tenantId }),
    ...(call.durableExecutionName !== undefined && { durableExecutionName: call.durableExecutionName }),
    givenName: call.givenName,
  } as Permit;
}
