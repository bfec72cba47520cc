import { Hono } from 'hono';
import { createAdmin } from './admin/app.ts';
import { ADMIN_PATH } from './admin/request-log.ts';
import { BodyMemory } from './core/body-memory/body-memory.ts';
import { refuse } from './core/refusal.ts';
import { readSettings } from './core/settings.ts';
import { findRangeFault } from './edge/address-ranges.ts';
import { answerRefusal } from './edge/answer-refusal.ts';
import { answerUnexpected, type Envelope, envelope } from './edge/envelope.ts';
import { createFailureLog } from './edge/failure-log.ts';
import { keyCrypto } from './edge/key-crypto.ts';
import { createKeyring } from './edge/keyring.ts';
import { writeLog } from './edge/log.ts';
import { rawPathOf } from './edge/raw-path.ts';
import { mountGateway } from './gateway/app.ts';
import { createIssuerKeys } from './gateway/issuer-keys.ts';
import { createTenantAsker } from './state/ask-tenant.ts';
import { createObjects, type ObjectBindings } from './state/objects.ts';
import { createTenantMemory, type OnUnreadable } from './tenants/tenant-memory.ts';
import { createSender } from './upstream/send.ts';

export { Directory } from './state/directory/directory.ts';
export { Tenant } from './state/tenant/tenant.ts';

type Env = ObjectBindings & Readonly<Record<string, unknown>>;

/**
 * What one listener serves. `all`, which a Worker serves, is calls and the admin API. A separate listener for the admin API
 * is a separate entrypoint, so that no header of a request can say which listener it came by.
 */
type Listener = 'all' | 'callers' | 'admin';

const newApp = () => new Hono<Envelope>({ getPath: ({ url }) => rawPathOf(url) }).onError(answerUnexpected);

/** Puts the house together, once for each isolate. */
function build(env: Env): Readonly<Record<Listener, Hono<Envelope>>> {
  const now = () => Date.now();
  const read = readSettings(env, findRangeFault);
  if (!read.ok) {
    // Without its settings nothing is served: fails closed, and says to the operator what to set.
    writeLog({ level: 'error', misconfigured: read.error });
    const app = newApp();
    app.use(envelope(now)).all('*', () => answerRefusal(refuse('misconfigured', read.error)));
    return { all: app, callers: app, admin: app };
  }
  const settings = read.value;
  const objects = createObjects(env);
  const asker = createTenantAsker(objects);
  const onUnreadable: OnUnreadable = (tenant, unreadable) =>
    writeLog({ level: 'error', tenant, unreadablePolicy: unreadable });
  const onFailure = createFailureLog(writeLog, now);
  const tenants = createTenantMemory(asker.ask, now, onUnreadable, { look: asker.look, onFailure });
  const send = createSender({
    credentials: settings.credentials,
    endpoint: settings.lambdaEndpoint,
    names: settings.lambdaNames,
  });
  const keyring = createKeyring(keyCrypto, settings.rootKeys);
  const issuerKeys = createIssuerKeys({
    // Self-hosted it is a network of its own, which reaches public addresses only. Elsewhere all networks are the platform's.
    fetch: (url, init) => (env.ISSUERS ? (env.ISSUERS as Fetcher).fetch(url, init) : fetch(url, init)),
    now,
    random: Math.random,
    onFailure: (issuer, error) => writeLog({ level: 'warn', issuer, error: String(error) }),
  });
  const gateway = {
    settings,
    keyring,
    crypto: keyCrypto,
    tenants,
    issuerKeys,
    bodies: new BodyMemory(),
    send,
    now,
  };
  const admin = createAdmin({ settings, objects, onChanged: tenants.forget });
  const listen = (serves: { readonly calls: boolean; readonly admin: boolean }) => {
    const app = newApp();
    // Turned off, its paths are unknown ones like any other.
    if (serves.admin && settings.admin) {
      app.use(`${ADMIN_PATH}/*`, envelope(now));
      app.route(ADMIN_PATH, admin);
    }
    if (serves.calls) mountGateway(app, gateway);
    else app.use(envelope(now)).all('*', ({ req }) => answerRefusal(refuse('unknown-path', rawPathOf(req.url))));
    return app;
  };
  return {
    all: listen({ calls: true, admin: true }),
    callers: listen({ calls: true, admin: false }),
    admin: listen({ calls: false, admin: true }),
  };
}

let built: { readonly env: Env; readonly listeners: ReturnType<typeof build> } | undefined;

const serve = (listener: Listener): ExportedHandler<Env> => ({
  fetch(request, env, ctx) {
    if (built?.env !== env) built = { env, listeners: build(env) };
    return built.listeners[listener].fetch(request, env, ctx);
  },
});

/** For a Worker, and for `postern serve` with one listener. */
export default serve('all');

/** For `postern serve` with a separate admin listener: the gateway's listener. */
export const callers = serve('callers');
/** For `postern serve` with a separate admin listener: that listener. */
export const admin = serve('admin');
