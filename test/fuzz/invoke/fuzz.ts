import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { admin, type SeenCall, takeCalls } from '../../support/postern.ts';
import { type Plan, plans } from './grammar.ts';
import { judge } from './model.ts';
import { type Keys, meaningOf, sendRequest, writeRequest } from './wire.ts';
import { TENANTS, type TenantName } from './world.ts';

export interface FuzzTarget {
  readonly gateway: string;
  readonly lambda: string;
  readonly adminToken: string;
}

export interface FuzzReport {
  readonly calls: number;
  readonly forwarded: number;
  /** How often each reason was given. */
  readonly refusals: Readonly<Record<string, number>>;
  /** The smallest call found that the gateway and the model disagree on. */
  readonly failure?: string;
}

/** Headers of a request to Lambda that are ours or the protocol's; no other may reach it. */
const OWN_HEADERS = new Set([
  'host',
  'content-length',
  'authorization',
  'x-amz-date',
  'x-amz-content-sha256',
  'accept-encoding',
  'connection',
]);

export async function makeTenants(target: FuzzTarget): Promise<Record<TenantName, Keys>> {
  const keys: Partial<Record<TenantName, Keys>> = {};
  for (const [name, document] of Object.entries(TENANTS) as [TenantName, (typeof TENANTS)[TenantName]][]) {
    const { status, ...made } = document as typeof document & { status?: string };
    const tenant = await admin<{ id: string }>(target, 'POST', '/tenants', made);
    if (tenant.status !== 201) throw new Error(`tenant ${name}: ${JSON.stringify(tenant.body)}`);
    const path = `/tenants/${tenant.body.id}`;
    const key = (await admin<Keys>(target, 'POST', `${path}/keys`, {})).body;
    const dead = (await admin<Keys & { id: string }>(target, 'POST', `${path}/keys`, {})).body;
    await admin(target, 'DELETE', `${path}/keys/${dead.id}`);
    if (status) await admin(target, 'PATCH', path, { status });
    keys[name] = { ...key, revoked: dead.apiKey };
  }
  return keys as Record<TenantName, Keys>;
}

/** Sends one call and says where the gateway and the model disagree, if they do. */
async function tryPlan(target: FuzzTarget, keys: Record<TenantName, Keys>, plan: Plan) {
  const verdict = judge(meaningOf(plan));
  const { host } = new URL(target.gateway);
  const answer = await sendRequest(target.gateway, writeRequest(plan, host, keys));
  const seen = await takeCalls(target.lambda);
  return { verdict, answer, fault: findFault(verdict, answer, seen) };
}

function findFault(
  verdict: ReturnType<typeof judge>,
  answer: { status: number; refusal: string | undefined; body: Buffer },
  seen: readonly SeenCall[],
): string | undefined {
  if (!verdict.forwarded) {
    if (seen.length > 0) return `reached Lambda, but should be refused for one of ${[...verdict.reasons].join(', ')}`;
    if (answer.refusal === undefined || !verdict.reasons.has(answer.refusal)) {
      return `was answered ${answer.status} ${answer.refusal}, but should be refused for one of ${[...verdict.reasons].join(', ')}`;
    }
    return undefined;
  }
  const [call, ...more] = seen;
  if (!call || more.length > 0)
    return `reached Lambda ${seen.length} times, not once (${answer.status} ${answer.refusal} ${answer.body.subarray(0, 200)})`;
  const { expected } = verdict;
  if (call.method !== 'POST' || call.path !== expected.path)
    return `went to ${call.method} ${call.path}, not ${expected.path}`;
  const sha256 = createHash('sha256').update(expected.payload).digest('hex');
  if (call.bodySha256 !== sha256) return `arrived with another payload of ${call.bodyBytes} bytes`;
  const got = Object.fromEntries(Object.entries(call.headers).filter(([name]) => !OWN_HEADERS.has(name.toLowerCase())));
  const same = JSON.stringify(Object.entries(got).sort()) === JSON.stringify(Object.entries(expected.headers).sort());
  return same ? undefined : `arrived with the headers ${JSON.stringify(got)}, not ${JSON.stringify(expected.headers)}`;
}

/** Makes so many calls by a seed. Stops at the first that gateway and model disagree on, and shrinks it. */
export async function fuzzInvoke(
  target: FuzzTarget,
  { calls, seed }: { calls: number; seed: number },
): Promise<FuzzReport> {
  const keys = await makeTenants(target);
  await takeCalls(target.lambda);
  let made = 0;
  let forwarded = 0;
  const refusals: Record<string, number> = {};
  const property = fc.asyncProperty(plans, async (plan) => {
    const { verdict, answer, fault } = await tryPlan(target, keys, plan);
    made++;
    if (verdict.forwarded) forwarded++;
    if (answer.refusal !== undefined) refusals[answer.refusal] = (refusals[answer.refusal] ?? 0) + 1;
    if (fault !== undefined) throw new Error(fault);
  });
  const result = await fc.check(property, { seed, numRuns: calls, endOnFailure: false });
  const failure = result.failed
    ? `${String(result.errorInstance)}\n${JSON.stringify(result.counterexample?.[0], null, 1)}\nseed ${seed}`
    : undefined;
  return { calls: made, forwarded, refusals, ...(failure !== undefined && { failure }) };
}
