import { BodyMemory } from './core/body-memory/body-memory.ts';
import { ok, type Result } from './core/result.ts';
import { readSettings } from './core/settings.ts';
import { findRangeFault } from './edge/address-ranges.ts';
import { createFailureLog } from './edge/failure-log.ts';
import { keyCrypto } from './edge/key-crypto.ts';
import { createKeyring } from './edge/keyring.ts';
import { writeLog } from './edge/log.ts';
import type { Gateway } from './gateway/gateway.ts';
import { createIssuerKeys } from './gateway/issuer-keys.ts';
import { createTenantAsker } from './state/ask-tenant.ts';
import { createObjects, type ObjectBindings, type Objects } from './state/objects.ts';
import { createTenants } from './tenants/tenants.ts';
import { createSender } from './upstream/send.ts';

export type Env = ObjectBindings & Readonly<Record<string, unknown>>;

/** The services of one isolate. */
export interface Services extends Gateway {
  readonly objects: Objects;
}

/**
 * Builds an isolate's services from its settings.
 *
 * @returns the services, or a sentence for each setting that is missing or malformed.
 */
export function createServices(env: Env, now: () => number): Result<Services, readonly string[]> {
  const read = readSettings(env, findRangeFault);
  if (!read.ok) return read;
  const settings = read.value;
  const objects = createObjects(env);
  return ok({
    settings,
    objects,
    keyring: createKeyring(keyCrypto, settings.rootKeys),
    crypto: keyCrypto,
    tenants: createTenants({
      ...createTenantAsker(objects),
      now,
      onFailure: createFailureLog(writeLog, now),
      onUnreadable: (tenant, unreadable) => writeLog({ level: 'error', tenant, unreadablePolicy: unreadable }),
    }),
    issuerKeys: createIssuerKeys({
      // Only a self-hosted gateway has `ISSUERS`, a separate network that reaches only public addresses by default.
      fetch: (url, init) => (env.ISSUERS ? (env.ISSUERS as Fetcher).fetch(url, init) : fetch(url, init)),
      now,
      random: Math.random,
      onFailure: (issuer, error) => writeLog({ level: 'warn', issuer, error: String(error) }),
    }),
    bodies: new BodyMemory(),
    send: createSender({
      credentials: settings.credentials,
      endpoint: settings.lambdaEndpoint,
      names: settings.lambdaNames,
      now,
    }),
    now,
  });
}
