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

/** A call whose caller is proved, and the tenant as it is known: all that a decision depends on. */
export interface CallFacts {
  readonly tenantId: TenantId;
  readonly tenant: Omit<LiveTenant, 'policy' | 'exists'> & { readonly policy: Policy };
  /** Our account, the region of tenants that name none, and how functions are named to Lambda. */
  readonly gateway: Pick<Settings, 'accountId' | 'region' | 'lambdaNames'>;
  readonly caller: CallerFacts;
  /** The claim of a signed call. */
  readonly claim?:
    | (Pick<SignatureClaim, 'form' | 'signedAtMs' | 'expiresSeconds'> & {
        readonly scope: Pick<SignatureClaim['scope'], 'region'>;
      })
    | undefined;
  /** The web page that calls, when a browser says so. */
  readonly origin?: string | undefined;
  /** Whether its address may call. Costly, so it is asked only when needed. */
  readonly isAddressAllowed: () => boolean;
  /**
   * Derives the tenant's own form of a durable execution's name (`scopeDurableName`). Undefined if the settings lack the
   * root key.
   */
  readonly scopeDurableName: (name: string) => string | undefined;
  readonly args: Result<InvokeArguments, Refusal>;
  /** What the operation itself takes. */
  readonly room: PayloadRoom;
  readonly nowMs: number;
}

/** What was decided, and how far the decision came. */
export interface Decision {
  readonly outcome: Result<Permit, Refusal>;
  /** The caller's key or token is good, and its tenant active. */
  readonly isLive: boolean;
  /** The calling page is allowed, so it may also read a refusal. */
  readonly allowsOrigin: boolean;
  /** Our account, and the region of the tenant's functions. */
  readonly home: { readonly account: string; readonly region: string };
  /** The function that was meant, once it is known to be a place. */
  readonly target?: FunctionTarget | undefined;
  readonly qualifier?: string | undefined;
  /** The rule that decided, if a single one did. */
  readonly rule?: RuleName | undefined;
  /** The largest payload of a call that is allowed. */
  readonly room: PayloadRoom;
}

/** What the checks have found so far. Each may rely on what the ones before it have set. */
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
 * Every check of a call, in order: the first that refuses decides. A test pins the order. The gateway runs this list on
 * each call, and `explain` on imagined ones: nothing else decides.
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
  // The checks have found both, or refused. Fails closed.
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

/** Checks a payload's length against a decision's room. */
export const checkPayloadLength = (room: PayloadRoom, bytes: number): Refusal | undefined =>
  bytes > room.maxBytes ? refuse('payload-too-large', room, bytes) : undefined;

/** The regions in which a tenant may call anything at all. */
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

/** A browser's page says where it is from. It may call only if the tenant allows it: off by default. */
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

/** Finds the function that is meant, by its published name or its own. */
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

/** Functions that are called by bare name are reachable in one place only. */
function checkPlace(facts: CallFacts, draft: Draft) {
  const only = onlyPlaceOf(facts.gateway);
  const { target } = draft;
  if (!only || (target?.account === only.account && target.region === only.region)) return undefined;
  return refuseByPolicy('function-elsewhere', facts, draft);
}

/** Without the key that scopes its name, a call would reach what may be another tenant's: fails closed. */
function checkDurableName({ scopeDurableName }: CallFacts, draft: Draft) {
  const given = draft.call?.durableExecutionName;
  if (given === undefined) return undefined;
  const sent = draft.scopesNames ? scopeDurableName(given) : given;
  if (sent === undefined) return refuse('durable-names-unavailable');
  draft.durableName = { given, sent };
  return undefined;
}

/** A refusal in the service's words: the tenant, and the function as the caller named it. */
const refuseByPolicy = (
  reason: RefusalReason & (`${string}-not-allowed` | 'function-denied' | 'function-elsewhere'),
  { tenantId }: CallFacts,
  { call }: Draft,
): Refusal => refuse(reason, tenantId, call?.givenName ?? '');

/** Whether a bare name is a published one. An ARN never is. */
const namesPublished = ({ publish }: Policy, { name, account, region, partition }: FunctionName): boolean =>
  (account ?? region ?? partition) === undefined && publish.has(name);

/** Where the named function lives: what the caller left out is ours. Undefined when there is no such place. */
function locate(asked: FunctionName, home: Decision['home']): FunctionTarget | undefined {
  const { partition, region = home.region, account = home.account, name } = asked;
  const known = partitionOf(region);
  if (!known || (partition !== undefined && partition !== known.name)) return undefined;
  return { partition: known.name, region, account, name };
}
