import type { BodyMemory, Uploader } from '../core/body-memory/body-memory.ts';
import { TINY_BODY_BYTES } from '../core/body-memory/limits.ts';
import type { ProofCrypto } from '../core/identity/crypto.ts';
import { jwksUriOf, MAX_CLAIM_LENGTH, namesIssuer } from '../core/identity/issuers.ts';
import {
  type ArgumentSource,
  checkPayloadType,
  type InvokeArguments,
  parseArguments,
  presumedInvocationType,
} from '../core/invoke/arguments.ts';
import { explainFault } from '../core/invoke/json-check.ts';
import { parseRoute } from '../core/invoke/route.ts';
import type { Permit } from '../core/policy/authorize.ts';
import { type CallerFacts, checkCaller, decideKnownCall } from '../core/policy/decide-known-call.ts';
import { arnOf } from '../core/policy/pattern.ts';
import { narrowRoom, roomOfOperation } from '../core/policy/payload-room.ts';
import type { PayloadRoom } from '../core/policy/payload-too-large.ts';
import { parseQuery, type QueryParameters } from '../core/query.ts';
import { isMistake, type Refusal, refuse, refuseLeft, refuseLost } from '../core/refusal.ts';
import { checkRequestLine } from '../core/request-limits.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { Settings } from '../core/settings.ts';
import { networkOf } from '../edge/address-ranges.ts';
import { clientAddress } from '../edge/client-address.ts';
import type { Keyring } from '../edge/keyring.ts';
import type { KnownTenant } from '../tenants/known-tenant.ts';
import type { Reservation, TenantHandle } from '../tenants/tenant-handle.ts';
import type { Tenants } from '../tenants/tenants.ts';
import { MAX_WHOLE_PAYLOAD_BYTES, type SendOnce } from '../upstream/send.ts';
import { type Answer, type AnswerEnd, mapIdentityError, mapPlatformError } from './answer.ts';
import { type Body, type BodyFault, readBody } from './body.ts';
import type { Call } from './call.ts';
import { type Caller, identify } from './identify.ts';
import type { IssuerKeys } from './issuer-keys.ts';
import { isJson } from './json/is-json.ts';
import { readBilled } from './metering.ts';
import { passPermitted } from './pass-permitted.ts';
import { type Token, verifyTokenSignature } from './token.ts';
import { beginProof, type FinishProof } from './verify-signature.ts';

/** What a call is served with; one for each isolate. */
export interface Gateway {
  readonly settings: Settings;
  readonly keyring: Keyring;
  readonly crypto: ProofCrypto;
  readonly tenants: Tenants;
  readonly issuerKeys: IssuerKeys;
  readonly bodies: BodyMemory;
  readonly send: SendOnce;
  readonly now: () => number;
}

const NO_QUERY: QueryParameters = new Map();

/** Serves one call to Lambda's API, from the request line to the last byte of the answer. */
export async function invoke(gateway: Gateway, call: Call): Promise<Answer> {
  const { keyring, settings, tenants, bodies, now } = gateway;
  const { record, request } = call;
  const { headers } = request;
  const header = (name: string) => headers.get(name) ?? undefined;

  // 1 route: all that the request line and the headers say.
  const { rawPath, rawQuery } = splitUrl(request.url);
  const tooLong = checkRequestLine(rawPath, rawQuery);
  if (tooLong) return call.refuse(tooLong);
  const route = parseRoute(request.method, rawPath);
  if (!route.ok) return call.refuse(route.error);
  const { operation, rawFunctionName } = route.value;
  const declared = header('content-length');
  const declaredBytes = declared === undefined ? undefined : Number(declared);
  const query = parseQuery(rawQuery);
  const { maxFunctionNameLength } = settings;
  const source = { operation, rawFunctionName, query, header, maxFunctionNameLength };
  const operationRoom = roomOfOperation(operation, presumedInvocationType(source));

  // 2 identify: who calls, with no lookup. An API key is proved here; a signature needs the body.
  const identified = identify({
    isExposed: call.isExposed,
    query: query ?? NO_QUERY,
    headers,
    keyring,
    nowMs: now(),
  });
  if (!identified.ok) return call.refuse(identified.error);
  const caller = identified.value;
  const { tenantId, credential } = caller;
  record.tenant = tenantId;
  const tenant = tenants.open(tenantId, call.waitUntil);
  call.tenant = tenant;
  call.proved = credential.kind === 'api-key';
  if (credential.kind !== 'token') record.key = credential.key.keyId;
  if (declaredBytes !== undefined && declaredBytes > operationRoom.maxBytes) {
    return call.refuse(refuse('payload-too-large', operationRoom, declaredBytes));
  }

  // A token is proved by the keys of an issuer that its tenant names: no other is asked for any.
  if (credential.kind === 'token') {
    const refusal = await proveToken(gateway, tenant, credential.token, call);
    if (refusal) return call.refuse(refusal);
  }

  // A signature is proved by its body, in 5. A forged one is refused as soon as that shows.
  let finishProof: FinishProof | undefined;
  if (credential.kind === 'signature') {
    const clientAcceptEncoding = request.cf?.clientAcceptEncoding as string | undefined;
    const { method } = request;
    const { claim, key } = credential;
    const head = { claim, method, rawPath, query: query ?? NO_QUERY, headers, clientAcceptEncoding };
    const begun = beginProof(head, key.secretAccessKey, gateway.crypto);
    if (!begun.ok) return call.refuse(begun.error);
    finishProof = begun.value;
  }

  // 3 authorize: the key lives, and its tenant's policy permits the call. Only a caller that has proved itself is told:
  // for any other nothing is decided yet, and nothing taken of what is limited.
  call.proved = credential.kind !== 'signature';
  const known = tenant.peek();
  const decide = createDecision(gateway, caller, source, operationRoom, call);
  const early = known && call.proved ? decide(known) : undefined;
  // What can never fit is refused for that, and not for what is left of a quota.
  const room = early?.ok ? early.value.room : operationRoom;
  const isTooLarge = declaredBytes !== undefined && declaredBytes > room.maxBytes;
  const tooMany = early?.ok && !isTooLarge ? tenant.peekDenial(declaredBytes ?? 0) : undefined;
  const takesLease = early?.ok && !tooMany && !isTooLarge;
  // Nor does it have the object asked ahead: anybody could.
  if (known && call.proved) tenant.prefetch(takesLease ? (declaredBytes ?? 0) : undefined);
  /** A mistake costs a unit of the rate: without it, no limit would hold for calls that are none. */
  const refuseDecided = async (refusal: Refusal) => {
    const overRate = isMistake(refusal) ? await call.unlessLeft(tenant.chargeRate()) : undefined;
    return call.refuse(overRate ?? refusal);
  };
  if (early && !early.ok) return refuseDecided(early.error);
  if (isTooLarge) return call.refuse(refuse('payload-too-large', room, declaredBytes));
  if (tooMany) return call.refuse(tooMany);
  // A tenant that is not known here is asked for, with a first lease, while the body comes.
  const loading = known ? undefined : tenant.load(call.proved ? (declaredBytes ?? 0) : undefined);

  // 4 read the body.
  const body = await readBody(request, {
    maxBytes: room.maxBytes,
    declaredBytes,
    memory: bodies,
    uploader: uploaderOf(request, caller, declaredBytes, settings),
    wait: call.stopwatch.within,
    onWaited: (ms) => {
      record.waitedMs = ms;
    },
  });
  if (!body.ok) return call.refuse(refuseBody(body.error, room));
  const { bytes, sha256 } = body.value;
  record.bytesIn = bytes.length;

  const serveBody = async (): Promise<Answer> => {
    // 5 prove: with its body, a signed caller's signature is whole.
    if (finishProof) {
      const refusal = finishProof({ bytes: bytes.length, sha256 });
      if (refusal) return call.refuse(refusal);
      call.proved = true;
      if (!(await body.value.prove())) return call.refuse(refuse('busy'));
      if (known) tenant.prefetch();
    }
    // Nothing outlives what it was decided by: after each wait the tenant decides as it is known then.
    const decideNow = (knownNow: KnownTenant | undefined): Result<Permitted, Refusal> => {
      if (!knownNow) return err(refuseUnknown(call));
      const decision = decide(knownNow);
      if (!decision.ok || bytes.length <= decision.value.room.maxBytes) return decision;
      return err(refuse('payload-too-large', decision.value.room, bytes.length));
    };
    if (loading && !(await call.unlessLeft(loading))) return call.refuse(refuseUnknown(call));
    const permitted = decideNow(tenant.peek() ?? (await loadTenant(tenant, call)));
    if (!permitted.ok) return refuseDecided(permitted.error);

    // 7 reserve: from what is leased here, or else from the tenant's ledger. Before 6, so that a caller above its limits
    // cannot have its payloads checked.
    const reserved = await tenant.reserve(bytes.length, call.left);
    if (!reserved.ok) return call.refuse(reserved.error);
    const reservation = reserved.value;
    const refuseReserved = (refusal: Refusal) => {
      reservation.cancel(); // quotas and slot come back; the unit of the rate is spent
      return call.refuse(refusal);
    };
    // 6 validate: the arguments are valid by now, and the payload is JSON or nothing at all.
    const mistake = checkPayload(settings, permitted.value, bytes);
    if (mistake) return refuseReserved(mistake);
    const stillPermitted = decideNow(tenant.peek() ?? (await loadTenant(tenant, call)));
    if (!stillPermitted.ok) return refuseReserved(stillPermitted.error);

    // 8 forward: once.
    const { permit } = stillPermitted.value;
    return forward(gateway, permit, body.value, reservation, header('accept'), call);
  };
  const { close } = body.value;
  try {
    const answer = await serveBody();
    if (!record.forwarded) close(); // else its bytes are given back as they leave
    return answer;
  } catch (error) {
    close();
    throw error;
  }
}

/**
 * Who shares the memory for bodies as one. Anybody can name another's key, but hardly from the same network. (An address is
 * dear to read, and the smallest bodies have room beside all others.)
 */
function uploaderOf(
  request: Request,
  { tenantId: tenant, credential }: Caller,
  declaredBytes: number | undefined,
  { clientIpHeader }: Settings,
): Uploader {
  if (credential.kind !== 'signature') return { tenant };
  const { keyId } = credential.key;
  const isTiny = declaredBytes !== undefined && declaredBytes <= TINY_BODY_BYTES;
  if (isTiny) return { tenant, unprovedKey: keyId };
  return { tenant, unprovedKey: keyId, network: networkOf(clientAddress(request, clientIpHeader)) };
}

/** Asks for a tenant that this isolate has forgotten. */
const loadTenant = (tenant: TenantHandle, call: Call) => call.unlessLeft(tenant.load());

/** Why a tenant is unknown: its caller did not wait, or its object cannot be reached. */
const refuseUnknown = (call: Call) => (call.isLeft ? refuseLeft() : refuse('state-unavailable'));

/** Why a token does not prove its caller, if it does not. */
async function proveToken(
  { issuerKeys, now }: Gateway,
  tenant: TenantHandle,
  token: Token,
  call: Call,
): Promise<Refusal | undefined> {
  const { claims } = token;
  const known = tenant.peek() ?? (await loadTenant(tenant, call));
  if (!known) return refuseUnknown(call);
  if (!known.exists || !namesIssuer(known, claims.issuer)) return refuse('token-not-accepted');
  const refusal = await verifyTokenSignature(token, issuerKeys, now(), call, jwksUriOf(known, claims.issuer));
  if (refusal) return call.isLeft ? refuseLeft() : refusal;
  const { issuer, all } = claims;
  Object.assign(call.record, {
    issuer,
    ...(typeof all.sub === 'string' && { subject: all.sub.slice(0, MAX_CLAIM_LENGTH) }),
  });
  return undefined;
}

/** Checks that a payload can be an event. */
function checkPayload(settings: Settings, { permit, args }: Permitted, bytes: Uint8Array): Refusal | undefined {
  // Where any type is taken, the payload itself has to show that it is JSON.
  const isLenient = (permit.contentTypes ?? settings.contentTypes) === 'lenient';
  const ofType = isLenient ? undefined : checkPayloadType(args, bytes.length);
  if (ofType || !(settings.checkJson || isLenient) || bytes.length === 0 || isJson(bytes)) return ofType;
  const fault = explainFault(bytes);
  return fault && refuse('payload-not-json', fault);
}

/** A call that may be made. */
interface Permitted {
  readonly permit: Permit;
  readonly args: InvokeArguments;
  readonly room: PayloadRoom;
}

/**
 * Decides whether a tenant, as it is known now, may make a call. By the passing of time alone only a key or a token ends;
 * what else is decided holds for as long as the tenant is known as the same.
 */
function createDecision(gateway: Gateway, caller: Caller, source: ArgumentSource, room: PayloadRoom, call: Call) {
  const { tenantId, credential } = caller;
  const { now } = gateway;
  let args: Result<InvokeArguments, Refusal> | undefined;
  const facts: CallerFacts =
    credential.kind === 'token'
      ? { kind: 'token', claims: credential.token.claims }
      : { kind: 'key', keyId: credential.key.keyId };
  let decided: { readonly tenant: KnownTenant; readonly decision: Result<Permitted, Refusal> } | undefined;
  return (tenant: KnownTenant): Result<Permitted, Refusal> => {
    if (!tenant.exists) return err(refuse('key-unknown'));
    const dead = checkCaller(tenant, tenantId, facts, now());
    if (dead) return err(dead);
    call.isLive = true;
    if (decided?.tenant !== tenant) {
      args ??= parseArguments(source);
      decided = { tenant, decision: decideByPolicy(gateway, caller, args, room, tenant, call) };
    }
    return decided.decision;
  };
}

function decideByPolicy(
  { settings, keyring, now }: Gateway,
  { tenantId, credential, origin }: Caller,
  args: Result<InvokeArguments, Refusal>,
  room: PayloadRoom,
  tenant: Extract<KnownTenant, { exists: true }>,
  call: Call,
): Result<Permitted, Refusal> {
  const { record } = call;
  const { isAddressAllowed } = tenant;
  const { outcome, rule, target, home, allowsOrigin } = decideKnownCall({
    tenantId,
    tenant,
    gateway: settings,
    ...(credential.kind === 'signature' && { claim: credential.claim }),
    ...(origin !== undefined && { origin }),
    // The address is dear to read: only a tenant that names ranges has it read.
    isAddressAllowed: () => isAddressAllowed?.(clientAddress(call.request, settings.clientIpHeader)) ?? true,
    scopeDurableName: (name) => keyring.scopeDurableName(tenantId, name),
    args,
    nowMs: now(),
  });
  if (allowsOrigin && origin !== undefined) call.corsOrigin = origin;
  if (args.ok) {
    record.function = args.value.givenName;
    record.type = args.value.invocationType;
    if (args.value.traceId !== undefined) record.traceId = args.value.traceId;
  }
  // Callers are free to invent names: a function is counted apart only where one of the tenant's rules is about it.
  if (rule && target) {
    const { region, account, name } = target;
    record.target = region === home.region && account === home.account ? name : arnOf(target);
  }
  if (!outcome.ok) return outcome;
  const permit = outcome.value;
  return args.ok ? ok({ permit, args: args.value, room: narrowRoom(room, tenant.limits, permit) }) : args;
}

/** Sends the call and answers it; 9, settle, comes when the answer's end is seen. */
async function forward(
  gateway: Gateway,
  permit: Permit,
  body: Body,
  reservation: Reservation,
  accept: string | undefined,
  call: Call,
): Promise<Answer> {
  const { record } = call;
  // Nothing is sent for a caller that left while it waited. Once it is sent, the function runs without its caller.
  if (call.isLeft) {
    reservation.cancel();
    return call.refuse(refuseLeft());
  }
  record.forwarded = true;
  if (reservation.uncounted) record.uncounted = true;
  call.onForward();
  const sent = await gateway.send(permit, body, {
    wait: call.stopwatch.within,
    onSent: body.onSent,
    waitUntil: call.waitUntil,
    // A short payload is sent in one go: there is nothing to break off.
    ...(body.bytes.byteLength > MAX_WHOLE_PAYLOAD_BYTES && { signal: call.left() }),
  });
  if (!sent.ok) {
    // Unless it is certain that no function started, one may run for a while.
    if (sent.error.started === 'unknown') reservation.lose();
    else reservation.takeBack();
    return call.refuse(sent.error);
  }
  const upstream = sent.value;
  const lost = mapPlatformError(upstream);
  if (lost) {
    reservation.lose();
    call.waitUntil(upstream.body?.cancel() ?? Promise.resolve());
    return call.refuse(lost);
  }
  record.upstreamRequestId = upstream.headers.get('x-amzn-requestid') ?? '';
  const refusal = mapIdentityError(upstream, permit.givenName);
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
  const passed = await passPermitted(upstream, permit, accept, call);
  if (typeof passed === 'string') {
    // Lambda answers when the function has ended.
    if (passed === 'not-http') reservation.lose();
    else reservation.end();
    return call.refuse(refuseLost(passed === 'stalled' ? 'upstream-timeout' : 'upstream-unreachable', 'unknown'));
  }
  const { answer, ended } = passed;
  const settle = ({ brokenOff, functionEnded, callerLeft, bytes, functionError: streamed }: AnswerEnd) => {
    if (streamed !== undefined) record.functionError = streamed;
    if (functionEnded) reservation.end();
    if (brokenOff) record.brokenOff = true;
    if (callerLeft) record.callerLeft = true;
    record.bytesOut = bytes;
    call.settle();
  };
  if (ended instanceof Promise) call.waitUntil(ended.then(settle));
  else settle(ended);
  return answer;
}

function refuseBody(fault: BodyFault, room: PayloadRoom): Refusal {
  switch (fault.kind) {
    case 'too-large':
      return refuse('payload-too-large', room, fault.bytes);
    case 'busy':
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
