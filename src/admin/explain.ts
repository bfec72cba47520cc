import type * as z from 'zod';
import { ARGUMENT_HEADERS, maxPayloadBytes, parseArguments } from '../core/invoke/arguments.ts';
import { decideCall } from '../core/policy/authorize.ts';
import { arnOf } from '../core/policy/pattern.ts';
import { compilePolicy } from '../core/policy/policy.ts';
import { type Refusal, refuse } from '../core/refusal.ts';
import type { Settings } from '../core/settings.ts';
import { scopeDurableName } from '../core/tenancy/durable-names.ts';
import type { Tenant } from '../core/tenancy/tenant.ts';
import { compileRanges } from '../gateway/address-ranges.ts';
import { keyCrypto } from '../gateway/key-crypto.ts';
import type { ExplainCall, Explanation } from './schema.ts';

/** The least that is a client context: `{}`. */
const CLIENT_CONTEXT = 'e30=';

/** Says what would become of a call of a tenant's, and by which rule: by the very code that decides on real ones. */
export function explainCall(
  { accountId, region, maxFunctionNameLength, rootKeys }: Settings,
  tenant: Tenant,
  call: z.output<typeof ExplainCall>,
): z.input<typeof Explanation> {
  const { operation, type, logType, tenantId, payloadBytes, ip } = call;
  const headers: Readonly<Record<string, string | undefined>> = {
    [ARGUMENT_HEADERS.invocationType]: type,
    [ARGUMENT_HEADERS.logType]: logType,
    [ARGUMENT_HEADERS.tenantId]: tenantId,
    [ARGUMENT_HEADERS.durableExecutionName]: call.durableExecutionName,
    [ARGUMENT_HEADERS.clientContext]: call.clientContext ? CLIENT_CONTEXT : undefined,
  };
  const args = parseArguments({
    operation,
    rawFunctionName: encodeURIComponent(call.function),
    query: new Map(call.qualifier === undefined ? [] : [['Qualifier', [call.qualifier]]]),
    header: (name) => headers[name],
    maxFunctionNameLength,
  });
  if (!args.ok) return refused(args.error);
  const { policy, upstream, limits, meterDuration = false } = tenant;
  const { outcome, rule, target, qualifier } = decideCall({
    policy: compilePolicy(policy),
    tenant: tenant.id,
    home: { account: accountId, region: upstream.region ?? region },
    isAddressAllowed: ip === undefined || compileRanges(policy.ipAllow)(ip),
    ...(upstream.tenantId !== undefined && { upstreamTenantId: upstream.tenantId }),
    meterDuration,
    scopeDurableName: (name) => scopeDurableName(keyCrypto, rootKeys, tenant.id, name),
    call: args.value,
  });
  const found = {
    rule: rule ?? null,
    target: target ? arnOf(target) + (qualifier === undefined ? '' : `:${qualifier}`) : null,
  };
  if (!outcome.ok) return { ...refused(outcome.error), ...found };
  const roomBytes = Math.min(
    maxPayloadBytes(operation, args.value.invocationType),
    limits.maxPayloadBytes ?? Number.POSITIVE_INFINITY,
    outcome.value.maxPayloadBytes,
  );
  if (payloadBytes > roomBytes) return { ...refused(refuse('payload-too-large', roomBytes, payloadBytes)), ...found };
  if (tenant.status !== 'active') return { ...refused(refuse('tenant-suspended', tenant.id)), ...found };
  return { allowed: true, reason: null, message: null, ...found };
}

const refused = ({ reason, message }: Refusal) => ({ allowed: false, reason, message, rule: null, target: null });
