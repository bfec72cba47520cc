import { scopeDurableName } from '../core/identity/durable-names.ts';
import { type TenantId, verifyKeyId } from '../core/identity/ids.ts';
import { warnOfIssuers } from '../core/identity/issuer-warnings.ts';
import {
  ARGUMENT_HEADERS,
  type ArgumentSource,
  parseArguments,
  presumedInvocationType,
} from '../core/invoke/arguments.ts';
import type { InvocationType, LogType, Operation } from '../core/invoke/types.ts';
import type { CallerFacts } from '../core/policy/check-caller.ts';
import { checkPayloadLength, decideCall } from '../core/policy/decide.ts';
import { arnOf } from '../core/policy/pattern.ts';
import { roomOfOperation } from '../core/policy/payload-room.ts';
import { compilePolicy } from '../core/policy/policy.ts';
import type { Denial } from '../core/quota/lease-protocol.ts';
import { isMistake, type Refusal, refuse, refuseLimit } from '../core/refusal.ts';
import { err, ok } from '../core/result.ts';
import type { Settings } from '../core/settings.ts';
import type { LiveTenant } from '../core/tenancy/snapshot.ts';
import { compileRanges } from '../edge/address-ranges.ts';
import { keyCrypto } from '../edge/key-crypto.ts';
import type { Foresight } from '../state/tenant/tenant.ts';
import { verifyTenant } from './find-tenant.ts';
import { reading } from './operation.ts';

/** A hypothetical call to explain. */
export interface PlannedCall {
  readonly function: string;
  readonly operation: Operation;
  readonly qualifier?: string | undefined;
  readonly type?: InvocationType | undefined;
  readonly logType?: LogType | undefined;
  readonly clientContext: boolean;
  readonly tenantId?: string | undefined;
  readonly durableExecutionName?: string | undefined;
  readonly payloadBytes: number;
  /** The caller's IP address. Absent: an allowed address. */
  readonly ip?: string | undefined;
  /** The origin of the web page that makes the call. Absent: a program makes the call. */
  readonly origin?: string | undefined;
  /** The id of the key that the call uses. Absent: any live key or valid token. */
  readonly keyId?: string | undefined;
  /** The lifetime of a presigned call, in seconds. Absent: the call is not presigned. */
  readonly presignedSeconds?: number | undefined;
}

/** The outcome of a planned call, and the policy rule that decides it. */
export interface Explanation {
  readonly allowed: boolean;
  /** The `x-postern-refusal` of the answer. Null: the call is allowed. */
  readonly reason: string | null;
  readonly message: string | null;
  /** The rule that decides. For a refusal: the closest rule. Null: no single rule decides. */
  readonly rule: { readonly list: 'allow' | 'deny'; readonly index: number } | null;
  /** The ARN of the function that the call names, allowed or not. Null: the call names no function. */
  readonly target: string | null;
  /** Assumptions about what the planned call leaves out. */
  readonly conditions: string[];
  /** Unsafe settings of the tenant, independent of the planned call. */
  readonly warnings: string[];
}

/** Predicts the outcome of a tenant's call without making the call. */
export const explainCall = reading(async (ports, _admin, tenant: string, call: PlannedCall) => {
  const id = await verifyTenant(ports, tenant);
  if (!id.ok) return id;
  const foresight = await ports.objects.tenant(id.value, async (stub) => await stub.foresee(call.payloadBytes));
  if (!foresight) return err({ kind: 'not-found', what: 'tenant' });
  return ok(explain(ports.settings, id.value, foresight, call, ports.now()));
});

/** The smallest valid client context: `{}`. */
const CLIENT_CONTEXT = 'e30=';

/**
 * Decides whether a call would be allowed, and by which rule. Follows the gateway's steps in the same order, and runs the
 * same list of checks that decides on real calls.
 */
function explain(
  settings: Settings,
  tenantId: TenantId,
  { tenant, limit, mistakeLimit }: Foresight,
  call: PlannedCall,
  nowMs: number,
): Explanation {
  const { payloadBytes } = call;
  const conditions = conditionsOf(tenant, call);
  const warnings = warnOfIssuers(tenant.issuers);
  const refused = ({ reason, message }: Refusal, found: Partial<Explanation> = {}) => ({
    ...{ allowed: false, reason, message, rule: null, target: null, conditions, warnings },
    ...found,
  });

  const caller = callerOf(settings, tenantId, call);
  if (!caller) return refused(refuse('key-unknown'));
  const source = sourceOf(settings, call);
  const operationRoom = roomOfOperation(call.operation, presumedInvocationType(source));
  const tooLong = checkPayloadLength(operationRoom, payloadBytes);
  if (tooLong) return refused(tooLong);

  const { outcome, rule, target, qualifier, room } = decideCall({
    tenantId,
    tenant: { ...tenant, policy: compilePolicy(tenant.policy) },
    gateway: settings,
    caller,
    claim: claimOf(settings, tenant, call, nowMs),
    origin: call.origin,
    isAddressAllowed: () => call.ip === undefined || compileRanges(tenant.policy.ipAllow)(call.ip),
    scopeDurableName: (name) => scopeDurableName(keyCrypto, settings.rootKeys, tenantId, name),
    args: parseArguments(source),
    room: operationRoom,
    nowMs,
  });
  const named = target ? arnOf(target) + (qualifier === undefined ? '' : `:${qualifier}`) : null;
  const found = { rule: rule ?? null, target: named };
  // When a limit refuses a call, no policy rule is reported.
  const refusedByLimit = ({ limit: name, resetMs }: Denial) => refused(refuseLimit(name, resetMs), { target: named });
  if (!outcome.ok) {
    return mistakeLimit && isMistake(outcome.error) ? refusedByLimit(mistakeLimit) : refused(outcome.error, found);
  }
  const tooLarge = checkPayloadLength(room, payloadBytes);
  if (tooLarge) return refused(tooLarge, found);
  if (limit) return refusedByLimit(limit);
  return { allowed: true, reason: null, message: null, ...found, conditions, warnings };
}

/** The parts of a request that would make the planned call. */
function sourceOf({ maxFunctionNameLength }: Settings, call: PlannedCall): ArgumentSource {
  const headers: Readonly<Record<string, string | undefined>> = {
    [ARGUMENT_HEADERS.invocationType]: call.type,
    [ARGUMENT_HEADERS.logType]: call.logType,
    [ARGUMENT_HEADERS.tenantId]: call.tenantId,
    [ARGUMENT_HEADERS.durableExecutionName]: call.durableExecutionName,
    [ARGUMENT_HEADERS.clientContext]: call.clientContext ? CLIENT_CONTEXT : undefined,
  };
  return {
    operation: call.operation,
    rawFunctionName: encodeURIComponent(call.function.toWellFormed()),
    query: new Map(call.qualifier === undefined ? [] : [['Qualifier', [call.qualifier]]]),
    header: (name) => headers[name],
    maxFunctionNameLength,
  };
}

/** The claim of a presigned call, signed now for the tenant's region. Undefined if the call is not presigned. */
function claimOf({ region }: Settings, { upstream }: LiveTenant, { presignedSeconds }: PlannedCall, nowMs: number) {
  if (presignedSeconds === undefined) return undefined;
  const scope = { region: upstream.region ?? region };
  return { form: 'query', signedAtMs: nowMs, expiresSeconds: presignedSeconds, scope } as const;
}

/** The caller of the planned call. Undefined if the key id does not belong to this tenant. */
function callerOf({ rootKeys }: Settings, tenantId: TenantId, { keyId }: PlannedCall): CallerFacts | undefined {
  if (keyId === undefined) return { kind: 'any' };
  const identity = verifyKeyId(keyCrypto, rootKeys, keyId);
  return identity?.tenantId === tenantId ? { kind: 'key', keyId: identity.keyId } : undefined;
}

/** Lists the assumptions about what the planned call leaves out. */
function conditionsOf({ policy, keys }: LiveTenant, { ip, origin, keyId }: PlannedCall): string[] {
  const { ipAllow, corsOrigins = [] } = policy;
  const pages = corsOrigins.length > 0 ? `, or from the web pages ${corsOrigins.join(', ')}` : ', not from a web page';
  return [
    ...(ip === undefined && ipAllow ? [`provided that it comes from ${ipAllow.join(', ')}`] : []),
    ...(keyId === undefined
      ? [
          Object.keys(keys).length > 0
            ? 'provided that the key or token is valid'
            : 'provided that the token is valid: the tenant has no keys',
        ]
      : []),
    ...(origin === undefined ? [`provided that it comes from a program${pages}`] : []),
  ];
}
