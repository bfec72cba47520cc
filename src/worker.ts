import { Hono } from 'hono';
import { createAdmin } from './admin/app.ts';
import { refuse } from './core/refusal.ts';
import { readSettings } from './core/settings.ts';
import { createKeyring } from './core/tenancy/keyring.ts';
import { answerRefusal } from './gateway/answer.ts';
import { answerUnexpected, type Envelope, envelope, mountGateway, writeLog } from './gateway/app.ts';
import { BODY_BUDGET_BYTES, createBodyBudget, TENANT_BODY_BYTES } from './gateway/body-budget.ts';
import { createIssuerKeys } from './gateway/issuer-keys.ts';
import { keyCrypto } from './gateway/key-crypto.ts';
import { createTenantMemory } from './gateway/tenant-memory.ts';
import { createObjects, type ObjectBindings } from './state/objects.ts';
import { createSender } from './upstream/send.ts';

export { Directory } from './state/directory.ts';
export { Tenant } from './state/tenant.ts';

type Env = ObjectBindings & Readonly<Record<string, unknown>>;

/** Puts the house together, once for each isolate. */
function build(env: Env) {
  const now = () => Date.now();
  const app = new Hono<Envelope>().onError(answerUnexpected);
  const read = readSettings(env);
  if (!read.ok) {
    // Without its settings nothing is served: fails closed, and says to the operator what to set.
    writeLog({ level: 'error', misconfigured: read.error });
    app.use(envelope(now)).all('*', () => answerRefusal(refuse('misconfigured', read.error)));
    return app;
  }
  const settings = read.value;
  const objects = createObjects(env);
  const tenants = createTenantMemory(
    (id, ask, revision, keysUsed) => objects.tenant(id, async (stub) => await stub.ask(ask, revision, keysUsed)),
    now,
    (tenant, unreadable) => writeLog({ level: 'error', tenant, unreadablePolicy: unreadable }),
  );
  const send = createSender({ credentials: settings.credentials, endpoint: settings.lambdaEndpoint });
  app.use('/admin/v1/*', envelope(now));
  app.route('/admin/v1', createAdmin({ settings, objects, onChanged: tenants.forget }));
  const keyring = createKeyring(keyCrypto, settings.rootKeys);
  const issuerKeys = createIssuerKeys({
    fetch: (url, init) => fetch(url, init),
    now,
    random: Math.random,
    onFailure: (issuer, error) => writeLog({ level: 'warn', issuer, error: String(error) }),
  });
  mountGateway(app, {
    settings,
    keyring,
    crypto: keyCrypto,
    tenants,
    issuerKeys,
    budget: createBodyBudget(BODY_BUDGET_BYTES, TENANT_BODY_BYTES),
    send,
    now,
  });
  return app;
}

let built: { readonly env: Env; readonly app: ReturnType<typeof build> } | undefined;

export default {
  fetch(request, env, ctx) {
    if (built?.env !== env) built = { env, app: build(env) };
    return built.app.fetch(request, env, ctx);
  },
} satisfies ExportedHandler<Env>;
