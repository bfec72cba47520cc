import { BodyMemory } from '../../../src/core/body-memory/body-memory.ts';
import { mintKeyId, mintTenantId } from '../../../src/core/identity/ids.ts';
import { deriveApiKey, deriveSecretAccessKey } from '../../../src/core/identity/keys.ts';
import { readListener } from '../../../src/core/listener.ts';
import { compilePolicy, type PolicyDocument } from '../../../src/core/policy/policy.ts';
import { type Refusal, refuse } from '../../../src/core/refusal.ts';
import { ok, type Result } from '../../../src/core/result.ts';
import { readSettings } from '../../../src/core/settings.ts';
import type { LiveTenant } from '../../../src/core/tenancy/snapshot.ts';
import { keyCrypto } from '../../../src/edge/key-crypto.ts';
import { createKeyring } from '../../../src/edge/keyring.ts';
import { type Call, startCall } from '../../../src/gateway/call.ts';
import type { Gateway } from '../../../src/gateway/gateway.ts';
import { identifyCaller } from '../../../src/gateway/steps/identify-caller.ts';
import { receive } from '../../../src/gateway/steps/receive.ts';
import type { KnownTenant } from '../../../src/tenants/known-tenant.ts';
import type { Reservation, TenantHandle } from '../../../src/tenants/tenant-handle.ts';

const read = readSettings({
  POSTERN_ROOT_KEYS: `1:${btoa('0123456789abcdefghijklmnopqrstuv')}`,
  POSTERN_ADMIN_TOKEN: 'admin-token-of-the-step-tests-000001',
  AWS_ACCOUNT_ID: '123456789012',
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE000000000',
  AWS_SECRET_ACCESS_KEY: 'secret-of-the-worker-tests',
});
if (!read.ok) throw new Error(read.error.join());
const settings = read.value;
const { rootKeys } = settings;
export const tenantId = mintTenantId(keyCrypto, rootKeys, 'b', new Uint8Array(10));
export const keyId = mintKeyId(keyCrypto, rootKeys, tenantId, new Uint8Array(5));
const secret = { keyId, rootKey: rootKeys.minting };
export const apiKey = deriveApiKey(keyCrypto, secret);
export const keyPair = { accessKeyId: keyId, secretAccessKey: deriveSecretAccessKey(keyCrypto, secret) };

export const NOW_MS = Date.parse('2026-11-25T12:00:00Z');
export const HOST = 'gateway.example';
export const PATH = '/2015-03-31/functions/orders/invocations';

/** A tenant with one key, that may call `orders`. */
export const known = (more: Partial<LiveTenant> & { policy?: PolicyDocument } = {}, isAddressAllowed = true) =>
  ({
    exists: true,
    status: 'active',
    limits: {},
    upstream: {},
    meterDuration: false,
    issuers: [],
    keys: { [keyId]: null },
    ...more,
    policy: compilePolicy(more.policy ?? { allow: [{ function: 'orders' }] }),
    isAddressAllowed: () => isAddressAllowed,
  }) satisfies KnownTenant;

/** A tenant's handle that gives prepared answers and records the questions. */
export function tenantOf(given: {
  readonly peeks?: readonly (KnownTenant | undefined)[];
  readonly loads?: KnownTenant | undefined;
  readonly denial?: Refusal;
  readonly charged?: Refusal | Promise<undefined>;
  readonly reserves?: Refusal;
}) {
  const asked: unknown[] = [];
  const { peeks = [known()], loads, denial, charged, reserves } = given;
  let peeked = 0;
  const note = (what: string, ...more: unknown[]) => asked.push(more.length > 0 ? [what, ...more] : what);
  const reservation: Reservation = {
    uncounted: false,
    giveBack: () => note('gives back'),
    cancel: () => note('cancels'),
    end: () => note('ends'),
    lose: () => note('loses'),
    takeBack: () => note('takes back'),
  };
  const handle: TenantHandle = {
    peek: () => peeks[Math.min(peeked++, peeks.length - 1)],
    prefetch: (bytes) => note('prefetches', bytes),
    load: async (bytes) => {
      note('loads', bytes);
      return loads;
    },
    peekDenial: () => denial,
    reserve: async (bytes): Promise<Result<Reservation, Refusal>> => {
      note('reserves', bytes);
      return reserves ? { ok: false, error: reserves } : ok(reservation);
    },
    chargeRate: async () => {
      note('charges');
      return charged;
    },
    record: () => {},
    recordKey: () => {},
    recordUnproved: () => {},
    rateLimitHeaders: () => ({}),
  };
  return { handle, asked, reservation };
}

/** A gateway of one tenant. */
export const gatewayOf = (tenant: TenantHandle, more: Partial<Gateway> = {}): Gateway => ({
  settings,
  crypto: keyCrypto,
  keyring: createKeyring(keyCrypto, rootKeys),
  tenants: { open: () => tenant, invalidate: () => {} },
  issuerKeys: { find: async () => 'unavailable' },
  bodies: new BodyMemory(),
  send: async () => ({ ok: false, error: refuse('internal') }),
  now: () => NOW_MS,
  ...more,
});

export interface Sent {
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The body comes without its length. */
  readonly isChunked?: boolean;
  readonly signal?: AbortSignal;
}

/** A call that has come, with its ends. */
export function callOf({ path = PATH, headers = { 'x-api-key': apiKey }, body = '{}', ...more }: Sent = {}) {
  const { isChunked, signal } = more;
  const ends: Call[] = [];
  const request = new Request(`https://${HOST}${path}`, {
    method: 'POST',
    headers: {
      ...(!isChunked && { 'content-length': String(body.length) }),
      'content-type': 'application/json',
      ...headers,
    },
    body,
    ...(signal && { signal }),
  });
  const ports = {
    now: () => NOW_MS,
    log: () => {},
    bodies: new BodyMemory(),
    onForward: () => {},
    onEnd: (call: Call) => ends.push(call),
  };
  const listener = readListener(undefined, undefined);
  return { call: startCall({ requestId: 'id', request, listener, waitUntil: () => {} }, ports), ends };
}

/** What a step gave; throws if it refused. */
export function must<T>(result: Result<T, Refusal>): T {
  if (!result.ok) throw new Error(`${result.error.reason}: ${result.error.message}`);
  return result.value;
}

/** Why a step refused. */
export const reasonOf = (result: Result<unknown, Refusal>): string | undefined =>
  result.ok ? undefined : result.error.reason;

/** A call by key that has been identified. */
export function identified(gateway: Gateway, sent?: Sent) {
  const { call, ends } = callOf(sent);
  const received = must(receive(call.request, gateway.settings));
  return { call, ends, identified: must(identifyCaller(gateway, call, received)) };
}
