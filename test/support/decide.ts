import type { TenantId } from '../../src/core/identity/ids.ts';
import type { InvokeArguments } from '../../src/core/invoke/arguments.ts';
import { type CallFacts, decideCall } from '../../src/core/policy/decide.ts';
import { roomOfOperation } from '../../src/core/policy/payload-room.ts';
import type { Policy } from '../../src/core/policy/policy.ts';
import { ok } from '../../src/core/result.ts';

/** A call by anyone with a live key of an active tenant, and what a test wants different about it. */
export interface PolicyCase {
  readonly policy: Policy;
  readonly call: InvokeArguments;
  readonly home: { readonly account: string; readonly region: string };
  readonly isAddressAllowed?: boolean;
  readonly scopeDurableName?: (name: string) => string | undefined;
  readonly upstreamTenantId?: string;
  readonly facts?: Partial<CallFacts>;
}

/** The facts of such a call. */
export const factsOf = ({ policy, call, home, upstreamTenantId, facts, ...given }: PolicyCase): CallFacts => ({
  tenantId: 't' as TenantId,
  tenant: {
    status: 'active',
    policy,
    limits: {},
    upstream: { ...(upstreamTenantId !== undefined && { tenantId: upstreamTenantId }) },
    meterDuration: false,
    issuers: [],
    keys: {},
  },
  gateway: { accountId: home.account, region: home.region, lambdaNames: 'arn' },
  caller: { kind: 'any' },
  isAddressAllowed: () => given.isAddressAllowed ?? true,
  scopeDurableName: given.scopeDurableName ?? (() => undefined),
  args: ok(call),
  room: roomOfOperation(call.operation, call.invocationType),
  nowMs: 0,
  ...facts,
});

export const decide = (one: PolicyCase) => decideCall(factsOf(one));
