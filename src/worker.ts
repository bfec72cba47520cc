import { Hono } from 'hono';
import { createAdmin } from './admin/app.ts';
import { ADMIN_PATH } from './admin/envelope.ts';
import { createServices, type Env, type Services } from './compose.ts';
import { refuse } from './core/refusal.ts';
import { answerRefusal } from './edge/answer-refusal.ts';
import { answerUnexpected, type Envelope, envelope } from './edge/envelope.ts';
import { writeLog } from './edge/log.ts';
import { rawPathOf } from './edge/raw-path.ts';
import { mountGateway } from './gateway/app.ts';
import { Directory as DirectoryObject } from './state/directory/directory.ts';
import type { ObjectPorts } from './state/ports.ts';
import { Tenant as TenantObject } from './state/tenant/tenant.ts';
import { VERSION } from './version.ts';

const HEALTH_PATH = '/healthz';

const now = () => Date.now();
const ports: ObjectPorts = { now };

export class Directory extends DirectoryObject {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env, ports);
  }
}

export class Tenant extends TenantObject {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env, ports);
  }
}

/** OpenAPI adds the path `/` to the server's `/admin/v1`: that is the same resource. */
const routedPath = ({ url }: Request) => {
  const path = rawPathOf(url);
  return path === `${ADMIN_PATH}/` ? ADMIN_PATH : path;
};

const newApp = () => new Hono<Envelope>({ getPath: routedPath }).onError(answerUnexpected);

/**
 * What one listener serves. `all`, which a Worker serves, is calls and the admin API. A separate listener for the admin API
 * is a separate entrypoint, so that no header of a request can say which listener it came by.
 */
const LISTENERS = {
  all: { calls: true, admin: true },
  callers: { calls: true, admin: false },
  admin: { calls: false, admin: true },
} as const;
type Listener = keyof typeof LISTENERS;

function listen(services: Services, listener: Listener): Hono<Envelope> {
  const { settings, objects, tenants } = services;
  const serves = LISTENERS[listener];
  const app = newApp();
  // For whatever watches the process, by any Host: it needs no key and touches no storage.
  app.get(HEALTH_PATH, envelope(now), () => Response.json({ status: 'ok', version: VERSION }));
  // Turned off, its paths are unknown ones like any other.
  if (serves.admin && settings.admin) {
    app.use(`${ADMIN_PATH}/*`, envelope(now));
    app.route(ADMIN_PATH, createAdmin({ settings, objects, onChanged: tenants.invalidate, now }));
  }
  if (serves.calls) mountGateway(app, services);
  else app.use(envelope(now)).all('*', ({ req }) => answerRefusal(refuse('unknown-path', rawPathOf(req.url))));
  return app;
}

/** Without its settings nothing is served: fails closed, and tells the operator what to set. */
function refuseAll(misconfigured: readonly string[]): Hono<Envelope> {
  writeLog({ level: 'error', misconfigured });
  return newApp()
    .use(envelope(now))
    .all('*', () => answerRefusal(refuse('misconfigured', misconfigured)));
}

/** Puts the house together, once for each isolate. */
function build(env: Env): Readonly<Record<Listener, Hono<Envelope>>> {
  const services = createServices(env, now);
  if (!services.ok) {
    const app = refuseAll(services.error);
    return { all: app, callers: app, admin: app };
  }
  const { value } = services;
  return { all: listen(value, 'all'), callers: listen(value, 'callers'), admin: listen(value, 'admin') };
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
