import {
  type InvokeArguments,
  maxPayloadBytes,
  parseArguments,
  presumedInvocationType,
} from '../core/invoke/arguments.ts';
import { checkJson } from '../core/invoke/json-check.ts';
import { parseRoute } from '../core/invoke/route.ts';
import { authorize, type Permit, regionsOf } from '../core/policy/authorize.ts';
import { arnOf } from '../core/policy/pattern.ts';
import { parseQuery, type QueryParameters } from '../core/query.ts';
import { type Refusal, refuse, refuseLost } from '../core/refusal.ts';
import { no, type Result } from '../core/result.ts';
import type { Settings } from '../core/settings.ts';
import { refusePresignedTooLong, refuseScopeRegion } from '../core/signature/check-claim.ts';
import { MAX_CLAIM_LENGTH, namesIssuer, refuseToken } from '../core/tenancy/issuers.ts';
import type { Keyring } from '../core/tenancy/keyring.ts';
import { refuseKey } from '../core/tenancy/tenant.ts';
import type { Payload, SendOnce } from '../upstream/send.ts';
import { type Answer, type AnswerEnd, passAnswer, refuseForUs } from './answer.ts';
import { type BodyFault, readBody } from './body.ts';
import type { BodyBudget } from './body-budget.ts';
import type { Call } from './call.ts';
import { clientAddress } from './client-address.ts';
import { hideAccount } from './hide-account.ts';
import { type Caller, identify } from './identify.ts';
import type { IssuerKeys } from './issuer-keys.ts';
import { isJson } from './json/is-json.ts';
import { readBilled } from './metering.ts';
import { refuseSignature } from './prove.ts';
import type { KnownTenant, Reservation, TenantMemory } from './tenant-memory.ts';
import { refuseTokenSignature, type Token } from './token.ts';

/** What a call is served with; one for each isolate. */
export interface Gateway {
  readonly settings: Settings;
  readonly keyring: Keyring;
  readonly tenants: TenantMemory;
  readonly issuerKeys: IssuerKeys;
  readonly budget: BodyBudget;
  readonly send: SendOnce;
  readonly now: () => number;
}

const NO_QUERY: QueryParameters = new Map();

/** Serves one call to Lambda's API, from the request line to the last byte of the answer. */
export async function invoke(gateway: Gateway, request: Request, call: Call): Promise<Answer> {
  const { keyring, settings, tenants, budget, now } = gateway;
  const { record } = call;
  const { headers } = request;
  const header = (name: string) => headers.get(name) ?? undefined;

  // 1 route: all that the request line and the headers say.
  const { rawPath, rawQuery } = splitUrl(request.url);
  const route = parseRoute(request.method, rawPath);
  if (!route.ok) return call.refuse(route.error);
  const { operation, rawFunctionName } = route.value;
  const presumedType = presumedInvocationType(operation, header('x-amz-invocation-type'));
  const maxInvokeBytes = maxPayloadBytes(operation, presumedType);
  const declared = header('content-length');
  const declaredBytes = declared === undefined ? undefined : Number(declared);
  const query = parseQuery(rawQuery);
  const { maxFunctionNameLength } = settings;
  const args = parseArguments({ operation, rawFunctionName, query, header, maxFunctionNameLength });

  // 2 identify: who calls, with no lookup. An API key is proved here; a signature needs the body.
  const identified = identify({ url: request.url, query: query ?? NO_QUERY, headers, keyring, nowMs: now() });
  if (!identified.ok) return call.refuse(identified.error);
  const caller = identified.value;
  const { tenantId, credential } = caller;
  record.tenant = tenantId;
  if (credential.kind !== 'token') record.key = credential.key.keyId;
  if (declaredBytes !== undefined && declaredBytes > maxInvokeBytes) {
    return call.refuse(refuse('payload-too-large', maxInvokeBytes, declaredBytes));
  }

  // A token is proved by the keys of an issuer that its tenant names: no other is asked for any.
  if (credential.kind === 'token') {
    const refusal = await proveToken(gateway, credential.token, call);
    if (refusal) return call.refuse(refusal);
  }

  // 3 authorize: the key lives, and its tenant's policy permits the call. Only who has proved itself is told why not.
  call.proved = credential.kind !== 'signature';
  const known = tenants.recall(tenantId);
  const decide = createDecision(gateway, request, caller, args, call);
  const early = known && decide(known);
  const tooMany = early?.ok && call.proved ? tenants.foresee(tenantId, declaredBytes ?? 0) : undefined;
  // Whoever has not proved itself takes nothing ahead of what is limited.
  const takesLease = early?.ok && call.proved && !tooMany;
  if (known) tenants.prepare(tenantId, takesLease ? (declaredBytes ?? 0) : undefined, call.waitUntil);
  if (early && !early.ok && (early.error.toAnyone || call.proved)) return call.refuse(early.error.refusal);
  if (tooMany) return call.refuse(tooMany);
  // A tenant that is not known here is asked for, with a first lease, while the body comes.
  const meeting = known
    ? undefined
    : tenants.meet(tenantId, call.proved ? (declaredBytes ?? 0) : undefined, call.waitUntil);

  // 4 read the body.
  const maxPermittedBytes = early?.ok ? early.value.maxPayloadBytes : Number.POSITIVE_INFINITY;
  const maxBytes = Math.min(maxInvokeBytes, maxPayloadBytesOf(known), maxPermittedBytes);
  if (declaredBytes !== undefined && declaredBytes > maxBytes) {
    return call.refuse(refuse('payload-too-large', maxBytes, declaredBytes));
  }
  const body = await readBody(request, {
    maxBytes,
    declaredBytes,
    share: budget.shareOf(tenantId),
    wait: call.stopwatch.within,
  });
  if (!body.ok) return call.refuse(refuseBody(body.error, maxBytes));
  const { bytes, sha256, release } = body.value;
  record.bytesIn = bytes.length;

  const serveBody = async (): Promise<Answer> => {
    // 5 prove: a signed caller's signature, over headers and body.
    if (credential.kind === 'signature') {
      const clientAcceptEncoding = request.cf?.clientAcceptEncoding as string | undefined;
      const signed = { claim: credential.claim, method: request.method, rawPath, query: query ?? NO_QUERY, headers };
      const refusal = await refuseSignature(
        { ...signed, clientAcceptEncoding, bodyBytes: bytes.length, bodySha256: sha256 },
        credential.key.secretAccessKey(),
      );
      if (refusal) return call.refuse(refusal);
      call.proved = true;
    }
    // Nothing outlives what it was decided by: after each wait the tenant decides as it is known then.
    const decideAgain = async (): Promise<Result<Permit, Denial>> => {
      const tenant = tenants.recall(tenantId) ?? (await tenants.meet(tenantId, undefined, call.waitUntil));
      if (!tenant) return no({ refusal: refuse('state-unavailable'), toAnyone: true });
      const decision = decide(tenant);
      if (!decision.ok) return decision;
      const roomBytes = Math.min(maxPayloadBytesOf(tenant), decision.value.maxPayloadBytes);
      if (bytes.length <= roomBytes) return decision;
      return no({ refusal: refuse('payload-too-large', roomBytes, bytes.length), toAnyone: false });
    };
    if (meeting && !(await meeting)) return call.refuse(refuse('state-unavailable'));
    const permit = await decideAgain();
    if (!permit.ok) return call.refuse(permit.error.refusal);

    // 6 validate: the payload is JSON, or nothing at all.
    const isChecked = settings.checkJson && bytes.length > 0;
    const fault = isChecked && !isJson(bytes) ? checkJson(bytes) : undefined;
    if (fault) return call.refuse(refuse('payload-not-json', fault));

    // 7 reserve: from what is leased here, or else from the tenant's ledger.
    const reserved = await tenants.reserve(tenantId, bytes.length, call.waitUntil);
    if (!reserved.ok) return call.refuse(reserved.error);
    const reservation = reserved.value;
    const stillPermitted = await decideAgain();
    if (!stillPermitted.ok) {
      reservation.cancel();
      return call.refuse(stillPermitted.error.refusal);
    }

    // 8 forward: once.
    return forward(gateway, stillPermitted.value, { bytes, sha256 }, reservation, header('accept'), call);
  };
  return serveBody().finally(release);
}

/** Why a token does not prove its caller, if it does not. */
async function proveToken(
  { tenants, issuerKeys, now }: Gateway,
  token: Token,
  call: Call,
): Promise<Refusal | undefined> {
  const { tenantId, claims } = token;
  const tenant = tenants.recall(tenantId) ?? (await tenants.meet(tenantId, undefined, call.waitUntil));
  if (!tenant) return refuse('state-unavailable');
  if (!tenant.exists || !namesIssuer(tenant, claims.issuer)) return refuse('token-not-accepted');
  const refusal = await refuseTokenSignature(token, issuerKeys, now(), call.waitUntil);
  if (refusal) return refusal;
  const { issuer, all } = claims;
  Object.assign(call.record, {
    issuer,
    ...(typeof all.sub === 'string' && { subject: all.sub.slice(0, MAX_CLAIM_LENGTH) }),
  });
  return undefined;
}

const maxPayloadBytesOf = (tenant: KnownTenant | undefined): number =>
  (tenant?.exists ? tenant.limits.maxPayloadBytes : undefined) ?? Number.POSITIVE_INFINITY;

/** A no to a caller, and whether also one that has not proved itself may hear it. */
interface Denial {
  readonly refusal: Refusal;
  readonly toAnyone: boolean;
}

const toAnyone = (refusal: Refusal) => no({ refusal, toAnyone: true });
const toKnown = (refusal: Refusal) => no({ refusal, toAnyone: false });

/**
 * Decides whether a tenant, as it is known now, may make a call. By the passing of time alone only a key or a token ends;
 * what else is decided holds for as long as the tenant is known as the same.
 */
function createDecision(
  gateway: Gateway,
  request: Request,
  caller: Caller,
  args: Result<InvokeArguments, Refusal>,
  call: Call,
) {
  const { tenantId, credential } = caller;
  const { now } = gateway;
  let decided: { readonly tenant: KnownTenant; readonly decision: Result<Permit, Denial> } | undefined;
  return (tenant: KnownTenant): Result<Permit, Denial> => {
    if (!tenant.exists) return toAnyone(refuse('key-unknown'));
    const dead =
      credential.kind === 'token'
        ? refuseToken(tenant, tenantId, credential.token.claims, now())
        : refuseKey(tenant, tenantId, credential.key.keyId, now());
    if (dead) return toAnyone(dead);
    call.isLive = true;
    if (decided?.tenant !== tenant) {
      decided = { tenant, decision: decideByPolicy(gateway, request, caller, args, tenant, call) };
    }
    return decided.decision;
  };
}

function decideByPolicy(
  { settings }: Gateway,
  request: Request,
  { tenantId, credential, origin }: Caller,
  args: Result<InvokeArguments, Refusal>,
  tenant: Extract<KnownTenant, { exists: true }>,
  call: Call,
): Result<Permit, Denial> {
  const { record } = call;
  const { policy, upstream, meterDuration, isAddressAllowed } = tenant;
  const home = { account: settings.accountId, region: upstream.region ?? settings.region };
  if (credential.kind === 'signature') {
    const { claim } = credential;
    if (!regionsOf(policy, home.region).has(claim.scope.region)) return toAnyone(refuseScopeRegion());
    const tooLong = refusePresignedTooLong(claim, policy.maxPresignedSeconds);
    if (tooLong) return toKnown(tooLong);
  }
  if (origin !== undefined) {
    // A browser's page says where it is from. Without the tenant's leave it may not call: off by default.
    if (!policy.corsOrigins.includes(origin)) return toKnown(refuse('origin-not-allowed', tenantId, origin));
    call.corsOrigin = origin;
  }
  if (!args.ok) return toKnown(args.error);
  record.function = args.value.givenName;
  record.type = args.value.invocationType;
  const { tenantId: upstreamTenantId } = upstream;
  const permit = authorize({
    policy,
    tenant: tenantId,
    home,
    // The address is dear to read: only a tenant that names ranges has it read.
    isAddressAllowed: isAddressAllowed?.(clientAddress(request, settings.clientIpHeader)) ?? true,
    ...(upstreamTenantId !== undefined && { upstreamTenantId }),
    meterDuration,
    call: args.value,
  });
  if (!permit.ok) return toKnown(permit.error);
  const { region, account, name } = permit.value.target;
  record.target = region === home.region && account === home.account ? name : arnOf(permit.value.target);
  return permit;
}

/** Sends the call and answers it; 9, settle, comes when the answer's end is seen. */
async function forward(
  gateway: Gateway,
  permit: Permit,
  payload: Payload,
  reservation: Reservation,
  accept: string | undefined,
  call: Call,
): Promise<Answer> {
  const { record } = call;
  record.forwarded = true;
  if (reservation.uncounted) record.uncounted = true;
  call.onForward();
  const sent = await gateway.send(permit, payload, {
    wait: call.stopwatch.within,
    waitUntil: call.waitUntil,
  });
  // Whether the function runs is not known: its slot stays taken for as long as it may.
  if (!sent.ok) return call.refuse(sent.error);
  let upstream = sent.value;
  record.upstreamRequestId = upstream.headers.get('x-amzn-requestid') ?? '';
  const refusal = refuseForUs(upstream, permit.givenName);
  if (refusal || upstream.status === 429) reservation.giveBack();
  if (refusal) {
    reservation.end();
    call.waitUntil(upstream.body?.cancel() ?? Promise.resolve());
    return call.refuse(refusal);
  }
  record.status = upstream.status;
  const functionError = upstream.headers.get('x-amz-function-error');
  if (functionError !== null) record.functionError = functionError;
  record.billed = readBilled(upstream.headers.get('x-amz-log-result'));
  if (permit.isPublished) upstream = await hideAccount(upstream, permit);
  const passed = await passAnswer(upstream, { accept, logIsOurs: permit.logIsOurs });
  if (typeof passed === 'string') {
    // Lambda answers when the function has ended.
    if (passed === 'broken-off') reservation.end();
    return call.refuse(refuseLost('upstream-unreachable', 'unknown'));
  }
  const { answer, ended } = passed;
  const settle = ({ brokenOff, functionEnded, bytes }: AnswerEnd) => {
    if (functionEnded) reservation.end();
    if (brokenOff) record.brokenOff = true;
    record.bytesOut = bytes;
    call.settle();
  };
  if (ended instanceof Promise) call.waitUntil(ended.then(settle));
  else settle(ended);
  return answer;
}

function refuseBody(fault: BodyFault, maxBytes: number): Refusal {
  switch (fault.kind) {
    case 'too-large':
      return refuse('payload-too-large', maxBytes, fault.bytes);
    case 'over-budget':
      return refuse('busy');
    case 'incomplete':
      return refuse('payload-incomplete');
  }
}

/** Takes a URL apart by the text, for `URL` would rewrite what the caller sent. */
function splitUrl(url: string): { rawPath: string; rawQuery: string } {
  const path = url.indexOf('/', url.indexOf('://') + 3);
  const query = url.indexOf('?', path);
  return query < 0
    ? { rawPath: url.slice(path), rawQuery: '' }
    : { rawPath: url.slice(path, query), rawQuery: url.slice(query + 1) };
}
