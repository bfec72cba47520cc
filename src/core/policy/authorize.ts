import type { InvokeArguments } from '../invoke/arguments.ts';
import type { FunctionName } from '../invoke/function-name.ts';
import { partitionOf } from '../invoke/region.ts';
import { type InvocationType, type LogType, type Operation, type RuleType, ruleTypeOf } from '../invoke/types.ts';
import { type Refusal, type RefusalReason, refuse } from '../refusal.ts';
import { err, ok, type Result } from '../result.ts';
import { deniesFunction, type FunctionTarget, matchesFunction } from './pattern.ts';
import type { AllowRule, ContentTypes, ErrorDetail, Policy, Selector } from './policy.ts';

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
  /** The durable execution's name as Lambda gets it, and as the caller gave it. */
  readonly durableName?: { readonly sent: string; readonly given: string };
  /** The call's trace, in X-Ray's form. */
  readonly traceId?: string;
  /** The function as the caller named it, for messages to that caller. */
  readonly givenName: string;
  /** Accounts to hide from the caller, together with every ARN. Absent: its tenant has no published names. */
  readonly hiddenAccounts?: readonly string[];
  readonly errorDetail: ErrorDetail;
  /** Absent: as the gateway's settings say. */
  readonly contentTypes?: ContentTypes;
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
  /** The only place whose functions can be reached, if they are called by bare name. Absent: any. */
  readonly onlyAt?: { readonly account: string; readonly region: string };
  /** Whether calls may come from the caller's address; absent: they may. */
  readonly isAddressAllowed?: boolean;
  /** `upstream.tenantId`: always wins over the caller's. */
  readonly upstreamTenantId?: string;
  /** Ask for the log of every call that has one, for what it says of the bill. */
  readonly meterDuration?: boolean;
  /**
   * Derives the tenant's own form of a durable execution's name (`scopeDurableName`). Undefined if the settings lack the
   * root key.
   */
  readonly scopeDurableName: (name: string) => string | undefined;
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

/** The parts of a call that rules select by. */
interface Asked {
  readonly qualifier: string | undefined;
  readonly type: RuleType;
}

/** What a rule can say no to, in the order in which it is asked. */
const CHECKS: readonly (readonly [
  RefusalReason & `${string}-not-allowed`,
  (rule: AllowRule, call: InvokeArguments, asked: Asked) => boolean,
])[] = [
  ['qualifier-not-allowed', (rule, _call, asked) => selectsQualifier(rule, asked)],
  ['type-not-allowed', (rule, _call, asked) => selectsType(rule, asked)],
  ['log-tail-not-allowed', (rule, call) => call.logType === 'None' || rule.logTail],
  ['client-context-not-allowed', (rule, call) => call.clientContext === undefined || rule.clientContext],
  ['tenant-id-not-allowed', (rule, call) => call.tenantId === undefined || rule.tenantId === 'caller'],
  [
    'durable-names-not-allowed',
    (rule, call) => call.durableExecutionName === undefined || rule.durableNames !== undefined,
  ],
];

const selectsQualifier = ({ qualifiers }: Selector, { qualifier }: Asked) =>
  qualifiers?.includes(qualifier ?? '$LATEST') ?? true;
const selectsType = ({ types }: Selector, { type }: Asked) => types?.includes(type) ?? true;

/** Decides whether a tenant may make a call. */
export const authorize = (input: AuthorizeInput): Result<Permit, Refusal> => decideCall(input).outcome;

/**
 * Decides, and says which rule did. Denies by default: no rule of `deny` may select the call, and one rule of `allow` has
 * to allow all of it. When none does, the refusal names what the nearest rule said no to. Of several that do, the one
 * with the most room for the payload counts, and for names of durable executions `scoped` before `shared`.
 */
export function decideCall(input: AuthorizeInput): Decision {
  const { call, home, policy } = input;
  const refused = (reason: RefusalReason & `${string}-${'not-allowed' | 'denied'}`) =>
    err(refuse(reason, input.tenant, call.givenName));
  if (input.isAddressAllowed === false) return { outcome: refused('address-not-allowed') };

  const isPublished = namesPublished(policy, call.function);
  if (policy.publishedOnly && !isPublished) return { outcome: refused('function-not-allowed') };
  const published = isPublished ? policy.publish.get(call.function.name) : undefined;
  const asked = isPublished ? published : call.function;
  if (asked === undefined) return { outcome: refused('function-not-allowed') };
  const givenQualifier = call.function.qualifier;
  if (published?.qualifier !== undefined && givenQualifier !== undefined && givenQualifier !== published.qualifier) {
    return { outcome: err(refuse('qualifier-mismatch')) };
  }
  const qualifier = asked.qualifier ?? givenQualifier;
  const target = locate(asked, home);
  if (target === undefined) return { outcome: refused('function-not-allowed') };
  const found = { target, ...(qualifier !== undefined && { qualifier }) };

  const how: Asked = { qualifier, type: ruleTypeOf(call.operation, call.invocationType) };
  const denial = policy.deny.find(
    (rule) => deniesFunction(rule.function, target) && selectsQualifier(rule, how) && selectsType(rule, how),
  );
  if (denial) return { ...found, outcome: refused('function-denied'), rule: { list: 'deny', index: denial.index } };

  let nearest = -1;
  let nearestRule: AllowRule | undefined;
  let allowing: AllowRule | undefined;
  let scopesNames = false;
  for (const rule of policy.allow) {
    if (!matchesFunction(rule.function, target, home)) continue;
    const refusedBy = CHECKS.findIndex(([, allows]) => !allows(rule, call, how));
    if (refusedBy < 0) {
      scopesNames ||= rule.durableNames === 'scoped';
      if (!allowing || rule.maxPayloadBytes > allowing.maxPayloadBytes) allowing = rule;
    } else if (refusedBy > nearest) {
      nearest = refusedBy;
      nearestRule = rule;
    }
  }
  const rule = allowing ?? nearestRule;
  const decided = { ...found, ...(rule && { rule: { list: 'allow' as const, index: rule.index } }) };
  if (!allowing) return { ...decided, outcome: refused(CHECKS[nearest]?.[0] ?? 'function-not-allowed') };
  const { onlyAt } = input;
  if (onlyAt && (target.account !== onlyAt.account || target.region !== onlyAt.region)) {
    return { ...decided, outcome: err(refuse('function-elsewhere', input.tenant, call.givenName)) };
  }
  const given = call.durableExecutionName;
  const sent = given !== undefined && scopesNames ? input.scopeDurableName(given) : given;
  // Without the key that scopes its name, a call would reach what may be another tenant's: fails closed.
  if (given !== undefined && sent === undefined)
    return { ...decided, outcome: err(refuse('durable-names-unavailable')) };
  const names = given !== undefined && sent !== undefined ? { durableName: { given, sent } } : {};
  return { ...decided, outcome: ok(makePermit(input, found, allowing, names)) };
}

/** The regions in which a tenant may call anything at all. */
export function regionsOf(policy: Policy, homeRegion: string): ReadonlySet<string> {
  return new Set([homeRegion, ...policy.allow.flatMap(({ function: { place } }) => (place ? [place.region] : []))]);
}

/** Whether a bare name is a published one. An ARN never is. */
const namesPublished = ({ publish }: Policy, { name, account, region, partition }: FunctionName): boolean =>
  (account ?? region ?? partition) === undefined && publish.has(name);

/** Where the named function lives: what the caller left out is ours. Undefined when there is no such place. */
function locate(asked: FunctionName, home: AuthorizeInput['home']): FunctionTarget | undefined {
  const { partition, region = home.region, account = home.account, name } = asked;
  const known = partitionOf(region);
  if (!known || (partition !== undefined && partition !== known.name)) return undefined;
  return { partition: known.name, region, account, name };
}

function makePermit(
  { call, upstreamTenantId, meterDuration, policy, home }: AuthorizeInput,
  { target, qualifier }: Pick<Decision, 'qualifier'> & { readonly target: FunctionTarget },
  { maxPayloadBytes }: AllowRule,
  names: Pick<Permit, 'durableName'>,
): Permit {
  const tenantId = upstreamTenantId ?? call.tenantId;
  const hides = policy.publish.size > 0;
  const hidden: readonly string[] | undefined = hides
    ? [...new Set([...policy.accounts, home.account, target.account])]
    : undefined;
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
    ...names,
    ...(call.traceId !== undefined && { traceId: call.traceId }),
    givenName: call.givenName,
    ...(hidden && { hiddenAccounts: hidden }),
    errorDetail: policy.errorDetail,
    ...(policy.contentTypes !== undefined && { contentTypes: policy.contentTypes }),
    maxPayloadBytes,
  } as Permit;
}
