import { type InvokeArguments, parseArguments } from '../../core/invoke/arguments.ts';
import { type CallerFacts, checkCaller } from '../../core/policy/check-caller.ts';
import { checkPayloadLength, decideCall } from '../../core/policy/decide.ts';
import type { PayloadRoom } from '../../core/policy/payload-too-large.ts';
import type { Permit } from '../../core/policy/permit.ts';
import { type Refusal, refuse } from '../../core/refusal.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { clientAddress } from '../../edge/client-address.ts';
import type { KnownTenant } from '../../tenants/known-tenant.ts';
import type { Call } from '../call.ts';
import { recordDecision } from '../call-record.ts';
import type { Gateway } from '../gateway.ts';
import type { Caller } from '../identify.ts';
import type { Identified } from './identify-caller.ts';
import { refuseUnknown } from './load-tenant.ts';

/** A call that its tenant's current state permits. */
export interface Permitted {
  readonly permit: Permit;
  readonly args: InvokeArguments;
  /** The largest payload that the call may have. */
  readonly room: PayloadRoom;
}

/** A call with its decider. The decision is checked again after each wait, because the tenant may have changed. */
export interface Decided {
  readonly identified: Identified;
  readonly decider: Decider;
  /** The largest payload that is known to be allowed so far. */
  readonly room: PayloadRoom;
  /** The request for a tenant that this isolate did not know. It runs while the body arrives. */
  readonly loading: Promise<KnownTenant | undefined> | undefined;
}

/**
 * Step 3. Refuses the call early if the isolate already knows that the call will be refused. Requests in advance what the
 * call will need.
 *
 * Threat: anybody can name a key. For an unproved caller, this step decides nothing, uses up no limit, and asks no object.
 * Otherwise a caller with observed key ids could make every isolate wake the tenants of those keys again and again.
 */
export function decideEarly(gateway: Gateway, call: Call, identified: Identified): Result<Decided, Refusal> {
  const { tenant, received } = identified;
  const { declaredBytes, operationRoom } = received;
  const decider = new Decider(gateway, call, identified);
  if (!call.proved) return ok({ identified, decider, room: operationRoom, loading: undefined });
  const known = tenant.peek();
  if (!known) {
    return ok({ identified, decider, room: operationRoom, loading: tenant.load(declaredBytes ?? 0) });
  }
  const early = decider.decide(known);
  const { room } = early.ok ? early.value : { room: operationRoom };
  // A payload that can never fit is refused for its size, not because of the rest of a quota.
  const tooLarge = declaredBytes === undefined ? undefined : checkPayloadLength(room, declaredBytes);
  const refusal = early.ok ? (tooLarge ?? tenant.peekDenial(declaredBytes ?? 0)) : early.error;
  tenant.prefetch(refusal ? undefined : (declaredBytes ?? 0));
  return refusal ? err(refusal) : ok({ identified, decider, room, loading: undefined });
}

/** Decides on one call, and again if its tenant has changed. */
export class Decider {
  private readonly gateway: Gateway;
  private readonly call: Call;
  private readonly identified: Identified;
  private readonly facts: CallerFacts;
  private args: Result<InvokeArguments, Refusal> | undefined;
  private decidedBy: KnownTenant | undefined;
  private decided: Result<Permitted, Refusal> | undefined;

  constructor(gateway: Gateway, call: Call, identified: Identified) {
    this.gateway = gateway;
    this.call = call;
    this.identified = identified;
    this.facts = factsOf(identified.caller);
  }

  /**
   * Decides by the tenant's current state. While that state is unchanged, an earlier decision stays valid, except that the
   * caller's key or token may have expired in the meantime.
   */
  decide(tenant: KnownTenant): Result<Permitted, Refusal> {
    if (!tenant.exists) return err(refuse('key-unknown'));
    if (this.decided === undefined || this.decidedBy !== tenant) {
      this.decidedBy = tenant;
      this.decided = this.decideByPolicy(tenant);
      return this.decided;
    }
    const ended = checkCaller(tenant, this.identified.caller.tenantId, this.facts, this.gateway.now());
    return ended ? err(ended) : this.decided;
  }

  /** Decides on a call whose body has arrived. */
  decideWithBody(tenant: KnownTenant | undefined, bytes: number): Result<Permitted, Refusal> {
    if (!tenant) return err(refuseUnknown(this.call));
    const decision = this.decide(tenant);
    if (!decision.ok) return decision;
    const tooLarge = checkPayloadLength(decision.value.room, bytes);
    return tooLarge ? err(tooLarge) : decision;
  }

  private decideByPolicy(tenant: Extract<KnownTenant, { exists: true }>): Result<Permitted, Refusal> {
    const { settings, keyring, now } = this.gateway;
    const { caller, received } = this.identified;
    const { tenantId, credential, origin } = caller;
    const { call } = this;
    this.args ??= parseArguments(received.source);
    const { args } = this;
    const decision = decideCall({
      tenantId,
      tenant,
      gateway: settings,
      caller: this.facts,
      claim: credential.kind === 'signature' ? credential.claim : undefined,
      origin,
      // Reading an address is expensive, so it is read only for a tenant that names ranges.
      isAddressAllowed: () => tenant.isAddressAllowed?.(clientAddress(call.request, settings.clientIpHeader)) ?? true,
      scopeDurableName: (name) => keyring.scopeDurableName(tenantId, name),
      args,
      room: received.operationRoom,
      nowMs: now(),
    });
    if (decision.isLive) {
      call.isLive = true;
      if (decision.allowsOrigin) call.corsOrigin = origin;
      recordDecision(call.record, decision, args.ok ? args.value : undefined);
    }
    if (!decision.outcome.ok) return decision.outcome;
    return args.ok ? ok({ permit: decision.outcome.value, args: args.value, room: decision.room }) : args;
  }
}

const factsOf = ({ credential }: Caller): CallerFacts =>
  credential.kind === 'token'
    ? { kind: 'token', claims: credential.token.claims }
    : { kind: 'key', keyId: credential.key.keyId };
