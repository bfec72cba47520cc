import {
  type InvokeArguments,
  maxPayloadBytes,
  parseArguments,
  presumedInvocationType,
} from '../core/invoke/arguments.ts';
import { checkJson } from '../core/invoke/json-check.ts';
import { parseRoute } from '../core/invoke/route.ts';
import { authorize, type Permit } from '../core/policy/authorize.ts';
import { type Refusal, refuse } from '../core/refusal.ts';
import { no, type Result } from '../core/result.ts';
import type { Settings } from '../core/settings.ts';
import type { KeyIdentity } from '../core/tenancy/ids.ts';
import { refuseKey } from '../core/tenancy/tenant.ts';
import type { Payload, SendOnce } from '../upstream/send.ts';
import { passAnswer, refuseForUs } from './answer.ts';
import { type BodyFault, readBody } from './body.ts';
import type { BodyBudget } from './body-budget.ts';
import type { Call } from './call.ts';
import { identify } from './identify.ts';
import { FRESH_MS, type KnownTenant, type TenantMemory } from './tenant-memory.ts';

/** What a call is served with; one for each isolate. */
export interface Gateway {
  readonly settings: Settings;
  readonly tenants: TenantMemory;
  readonly budget: BodyBudget;
  readonly send: SendOnce;
  readonly now: () => number;
}

/** Serves one call to Lambda's API, from the request line to the last byte of the answer. */
export async function invoke(gateway: Gateway, request: Request, call: Call): Promise<Response> {
  const { settings, tenants, budget, now } = gateway;
  const { record } = call;
  const header = (name: string) => request.headers.get(name) ?? undefined;

  // 1 route: all that the request line and the headers say.
  const { rawPath, rawQuery } = splitUrl(request.url);
  const route = parseRoute(request.method, rawPath);
  if (!route.ok) return call.refuse(route.error);
  const presumedType = presumedInvocationType(header('x-amz-invocation-type'));
  const maxBytes = maxPayloadBytes(presumedType);
  const declaredBytes = header('content-length') === undefined ? undefined : Number(header('content-length'));
  const parsed = parseArguments({
    rawFunctionName: route.value.rawFunctionName,
    rawQuery,
    header,
    maxFunctionNameLength: settings.maxFunctionNameLength,
  });

  // 2 identify: a key is proved here, with no lookup. Only who is known is told of its mistakes.
  const identity = identify(request.url, request.headers, settings.rootKeys);
  if (!identity.ok) return call.refuse(identity.error);
  const { keyId, tenantId } = identity.value;
  record.tenant = tenantId;
  record.key = keyId;
  if (declaredBytes !== undefined && declaredBytes > maxBytes) {
    return call.refuse(refuse('payload-too-large', presumedType, declaredBytes));
  }
  if (!parsed.ok) return call.refuse(parsed.error);
  const { givenName, invocationType } = parsed.value;
  record.function = givenName;
  record.type = invocationType;

  // 3 authorize: the key lives, and its tenant's policy permits the call.
  const admit = async () => {
    const tenant = await tenants.read(tenantId, call.waitUntil).catch(() => undefined);
    return tenant === undefined
      ? no(refuse('state-unavailable'))
      : decideAdmission(settings, tenant, identity.value, parsed.value, now());
  };
  let admittedAtMs = now();
  let permit = await admit();
  if (!permit.ok) return call.refuse(permit.error);
  if (route.value.operation !== 'Invoke') return call.refuse(refuse('operation-unavailable', route.value.operation));

  // 4 read the body.
  const body = await readBody(request.body, { maxBytes, declaredBytes, budget });
  if (!body.ok) return call.refuse(refuseBody(body.error, invocationType));
  const { bytes, sha256, release } = body.value;
  record.bytesIn = bytes.length;

  // 6 validate: the payload is JSON, or nothing at all.
  const fault = bytes.length > 0 ? checkJson(bytes) : undefined;
  if (fault) {
    release();
    return call.refuse(refuse('payload-not-json', fault));
  }
  // A slow upload must not outlive its permit: what was revoked meanwhile is refused.
  if (now() - admittedAtMs >= FRESH_MS) {
    admittedAtMs = now();
    permit = await admit();
    if (!permit.ok) {
      release();
      return call.refuse(permit.error);
    }
  }

  // 8 forward: once. Under `waitUntil`, for a caller that leaves does not stop the function.
  const forwarded = forward(gateway, permit.value, { bytes, sha256 }, call).finally(release);
  call.waitUntil(forwarded);
  return forwarded;
}

/** Decides whether a tenant, as it is known now, may make a call. */
function decideAdmission(
  settings: Settings,
  tenant: KnownTenant,
  { tenantId, keyId }: KeyIdentity,
  args: InvokeArguments,
  nowMs: number,
): Result<Permit, Refusal> {
  if (!tenant.exists) return no(refuse('key-unknown'));
  const refusal = refuseKey(tenant, tenantId, keyId, nowMs);
  if (refusal) return no(refusal);
  const { region = settings.region, tenantId: upstreamTenantId } = tenant.upstream;
  return authorize({
    policy: tenant.policy,
    tenant: tenantId,
    home: { account: settings.accountId, region },
    ...(upstreamTenantId !== undefined && { upstreamTenantId }),
    call: args,
  });
}

/** Sends the call and answers it; 9, settle, comes when the answer's end is seen. */
async function forward(gateway: Gateway, permit: Permit, payload: Payload, call: Call): Promise<Response> {
  const { record } = call;
  const sent = await gateway.send(permit, payload);
  if (!sent.ok) return call.refuse(sent.error);
  const upstream = sent.value;
  record.upstreamRequestId = upstream.headers.get('x-amzn-requestid') ?? '';
  const refusal = refuseForUs(upstream, permit.givenName);
  if (refusal) {
    call.waitUntil(upstream.body?.cancel() ?? Promise.resolve());
    return call.refuse(refusal);
  }
  record.status = upstream.status;
  const functionError = upstream.headers.get('x-amz-function-error');
  if (functionError !== null) record.functionError = functionError;
  const { response, ended } = passAnswer(upstream);
  call.waitUntil(ended.then(call.settle));
  return response;
}

function refuseBody(fault: BodyFault, type: InvokeArguments['invocationType']): Refusal {
  switch (fault.kind) {
    case 'too-large':
      return refuse('payload-too-large', type, fault.bytes);
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
