import type { TenantId } from '../identity/ids.ts';
import type { InvokeArguments } from '../invoke/arguments.ts';
import type { FunctionName } from '../invoke/function-name.ts';
import { partitionOf } from '../invoke/region.ts';
import { ruleTypeOf } from '../invoke/types.ts';
import { type Refusal, type RefusalReason, refuse } from '../refusal.ts';
import { err, ok, type Result } from '../result.ts';
import { onlyPlaceOf, type Settings } from '../settings.ts';
import { checkPresignedLifetime, refuseScopeRegion } from '../signature/check-claim.ts';
import type { SignatureClaim } from '../signature/claim.ts';
import type { LiveTenant } from '../tenancy/snapshot.ts';
import { type Asked, applyAllowRules, findDenyRule, type RuleName } from './apply-rules.ts';
import { type CallerFacts, checkCaller } from './check-caller.ts';
import type { FunctionTarget } from './pattern.ts';
import { narrowRoom } from './payload-room.ts';
import type { PayloadRoom } from './payload-too-large.ts';
import { makePermit, type Permit } from './permit.ts';
import type { AllowRule, Policy } from './policy.ts';

/** Everything that a decision depends on: a call whose caller is proved, and the tenant as the gateway knows it. */
export interface CallFacts {
  readonly tenantId: TenantId;
  readonly tenant: Omit<LiveTenant, 'policy' | 'exists'> & { readonly policy: Policy };
  /** Our account, the region of tenants that name no region, and the form of function names in requests to Lambda. */
  readonly gateway: Pick<Settings, 'accountId' | 'region' | 'lambdaNames'>;
  readonly caller: CallerFacts;
  /** The claim of a signed call. */
  readonly claim?:
    | (Pick<SignatureClaim, 'form' | 'signedAtMs' | 'expiresSeconds'> & {
        readonly scope: Pick<SignatureClaim['scope'], 'region'>;
      })
    | undefined;
  /** The origin of the calling web page, if a browser sent it. */
  readonly origin?: string | undefined;
  /** True if the caller's address may call. This check is expensive, so it runs only when needed. */
  readonly isAddressAllowed: () => boolean;
  /**
   * Derives the tenant's form of a durable execution's name (`scopeDurableName`). Undefined if the settings lack the root
   * key.
   */
  readonly scopeDurableName: (name: string) => string | undefined;
  readonly args: Result<InvokeArguments, Refusal>;
  /** The largest payload that the operation itself accepts. */
  readonly room: PayloadRoom;
  readonly nowMs: number;
}

/** The outcome of a call's checks, and the facts that they found on the way. */
export interface Decision {
  readonly outcome: Result<Permit, Refusal>;
  /** True if the caller's key or token is valid and its tenant is active. */
  readonly isLive: boolean;
  /** True if the calling page is allowed. The page may then read even a refusal. */
  readonly allowsOrigin: boolean;
  /** Our account, and the region of the tenant's functions. */
  readonly home: { readonly account: string; readonly region: string };
  /** The function that the call means. Absent if the call was refused before the function was found. */
  readonly target?: FunctionTarget | undefined;
  readonly qualifier?: string | undefined;
  /** The rule that denied or allowed the call. If no rule did, the nearest rule of `allow`, if there is one. */
  readonly rule?: RuleName | undefined;
  /** The largest payload of the call, if the call is allowed; otherwise the largest payload of the operation. */
  readonly room: PayloadRoom;
}

/** The facts that the checks have found so far. A check may rely on every field that an earlier check sets. */
interface Draft {
  isLive: boolean;
  allowsOrigin: boolean;
  readonly home: Decision['home'];
  call: InvokeArguments | undefined;
  asked: Asked | undefined;
  target: FunctionTarget | undefined;
  qualifier: string | undefined;
  rule: RuleName | undefined;
  allowing: AllowRule | undefined;
  scopesNames: boolean;
  durableName: Permit['durableName'] | undefined;
}

type Check = (facts: CallFacts, draft: Draft) => Refusal | undefined;

/**
 * Every check of a call, in order. The first check that refuses decides. A test pins the order. The gateway runs this list
 * on each call, and `explain` runs it on hypothetical calls. No other code decides.
 */
export const CHECKS: readonly (readonly [name: string, check: Check])[] = [
  ['caller', checkCallerIsLive],
  ['signed region', checkSignedRegion],
  ['presigned lifetime', checkLifetime],
  ['origin', checkOrigin],
  ['arguments', checkArguments],
  ['address', checkAddress],
  ['function', checkFunction],
  ['deny rules', checkDenyRules],
  ['allow rules', checkAllowRules],
  ['place', checkPlace],
  ['durable name', checkDurableName],
];

/** Decides on a call. Denies by default, and changes nothing. */
export function decideCall(facts: CallFacts): Decision {
  const { tenant, gateway, room } = facts;
  const draft: Draft = {
    isLive: false,
    allowsOrigin: false,
    home: { account: gateway.accountId, region: tenant.upstream.region ?? gateway.region },
    call: undefined,
    asked: undefined,
    target: undefined,
    qualifier: undefined,
    rule: undefined,
    allowing: undefined,
    scopesNames: false,
    durableName: undefined,
  };
  for (const [, check] of CHECKS) {
    const refusal = check(facts, draft);
    if (refusal) return conclude(draft, err(refusal), room);
  }
  const { asked, allowing } = draft;
  // Both are set if no check refused. If one is missing nevertheless, the call is refused: fails closed.
  if (!asked || !allowing) return conclude(draft, err(refuse('internal')), room);
  const permit = makePermit({
    policy: tenant.policy,
    homeAccount: draft.home.account,
    call: asked.call,
    target: asked.target,
    qualifier: asked.qualifier,
    rule: allowing,
    upstreamTenantId: tenant.upstream.tenantId,
    meterDuration: tenant.meterDuration,
    durableName: draft.durableName,
  });
  return conclude(draft, ok(permit), narrowRoom(room, tenant.limits, permit));
}

const conclude = (
  { isLive, allowsOrigin, home, target, qualifier, rule }: Draft,
  outcome: Decision['outcome'],
  room: PayloadRoom,
): Decision => ({ outcome, isLive, allowsOrigin, home, target, qualifier, rule, room });

/** Refuses a payload that is longer than `room` allows. */
export const checkPayloadLength = (room: PayloadRoom, bytes: number): Refusal | undefined =>
  bytes > room.maxBytes ? refuse('payload-too-large', room, bytes) : undefined;

/** Returns the regions in which a tenant may call at least one function. */
export function regionsOf(policy: Policy, homeRegion: string): ReadonlySet<string> {
  return new Set([homeRegion, ...policy.allow.flatMap(({ function: { place } }) => (place ? [place.region] : []))]);
}

function checkCallerIsLive({ tenant, tenantId, caller, nowMs }: CallFacts, draft: Draft) {
  const refusal = checkCaller(tenant, tenantId, caller, nowMs);
  draft.isLive = refusal === undefined;
  return refusal;
}

function checkSignedRegion({ tenant, claim }: CallFacts, { home }: Draft) {
  if (!claim || regionsOf(tenant.policy, home.region).has(claim.scope.region)) return undefined;
  return refuseScopeRegion();
}

function checkLifetime({ tenant, claim, nowMs }: CallFacts) {
  return claim && checkPresignedLifetime(claim, tenant.policy.maxPresignedSeconds, nowMs);
}

/** Checks the origin of a web page. A page may call only if the tenant lists its origin. By default no page may call. */
function checkOrigin({ tenant, tenantId, origin }: CallFacts, draft: Draft) {
  if (origin === undefined) return undefined;
  draft.allowsOrigin = tenant.policy.corsOrigins.includes(origin);
  return draft.allowsOrigin ? undefined : refuse('origin-not-allowed', tenantId, origin);
}

function checkArguments({ args }: CallFacts, draft: Draft) {
  if (!args.ok) return args.error;
  draft.call = args.value;
  return undefined;
}

function checkAddress(facts: CallFacts, draft: Draft) {
  return facts.isAddressAllowed() ? undefined : refuseByPolicy('address-not-allowed', facts, draft);
}

/** Finds the function that the call means, by its published name or its real name. */
function checkFunction(facts: CallFacts, draft: Draft) {
  const { policy } = facts.tenant;
  const { call, home } = draft;
  if (!call) return refuse('internal');
  const isPublished = namesPublished(policy, call.function);
  if (policy.publishedOnly && !isPublished) return refuseByPolicy('function-not-allowed', facts, draft);
  const published = isPublished ? policy.publish.get(call.function.name) : undefined;
  const asked = isPublished ? published : call.function;
  if (asked === undefined) return refuseByPolicy('function-not-allowed', facts, draft);
  const given = call.function.qualifier;
  if (published?.qualifier !== undefined && given !== undefined && given !== published.qualifier) {
    return refuse('qualifier-mismatch');
  }
  const target = locate(asked, home);
  if (target === undefined) return refuseByPolicy('function-not-allowed', facts, draft);
  const qualifier = asked.qualifier ?? given;
  draft.target = target;
  draft.qualifier = qualifier;
  draft.asked = { call, target, qualifier, type: ruleTypeOf(call.operation, call.invocationType) };
  return undefined;
}

function checkDenyRules(facts: CallFacts, draft: Draft) {
  const denial = draft.asked && findDenyRule(facts.tenant.policy, draft.asked);
  if (!denial) return undefined;
  draft.rule = { list: 'deny', index: denial.index };
  return refuseByPolicy('function-denied', facts, draft);
}

function checkAllowRules(facts: CallFacts, draft: Draft) {
  if (!draft.asked) return refuse('internal');
  const outcome = applyAllowRules(facts.tenant.policy, draft.asked, draft.home);
  if (outcome.rule) draft.rule = { list: 'allow', index: outcome.rule.index };
  if (!outcome.allowed) return refuseByPolicy(outcome.reason, facts, draft);
  draft.allowing = outcome.rule;
  draft.scopesNames = outcome.scopesNames;
  return undefined;
}

/** If the gateway calls functions by bare name, it can reach the functions of one account and region only. */
function checkPlace(facts: CallFacts, draft: Draft) {
  const only = onlyPlaceOf(facts.gateway);
  const { target } = draft;
  if (!only || (target?.account === only.account && target.region === only.region)) return undefined;
  return refuseByPolicy('function-elsewhere', facts, draft);
}

/**
 * Sets the durable execution's name for Lambda, scoped to the tenant if the rules say so. Fails closed if the key for that
 * is missing: an unscoped name could reach another tenant's execution.
 */
function checkDurableName({ scopeDurableName }: CallFacts, draft: Draft) {
  const given = draft.call?.durableExecutionName;
  if (given === undefined) return undefined;
  const sent = draft.scopesNames ? scopeDurableName(given) : given;
  if (sent === undefined) return refuse('durable-names-unavailable');
  draft.durableName = { given, sent };
  return undefined;
}

/** A refusal in the service's words, with the tenant and the function as the caller named it. */
const refuseByPolicy = (
  reason: RefusalReason & (`${string}-not-allowed` | 'function-denied' | 'function-elsewhere'),
  { tenantId }: CallFacts,
  { call }: Draft,
): Refusal => refuse(reason, tenantId, call?.givenName ?? '');

/** True if a call uses a published name. Only a bare name can be published, never an ARN. */
const namesPublished = ({ publish }: Policy, { name, account, region, partition }: FunctionName): boolean =>
  (account ?? region ?? partition) === undefined && publish.has(name);

/** Finds where a function lives. A missing region or account is that of `home`. Undefined if there is no such place. */
function locate(asked: FunctionName, home: Decision['home']): FunctionTarget | undefined {
  const { partition, region = home.region, account = home.account, name } = asked;
  const known = partitionOf(region);
  if (!known || (partition !== undefined && partition !== known.name)) return undefined;
  return { partition: known.name, region, account, name };
}
