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

/** Treats `/admin/v1/` as `/admin/v1`, because OpenAPI appends the path `/` to the server URL `/admin/v1`. */
const routedPath = ({ url }: Request) => {
  const path = rawPathOf(url);
  return path === `${ADMIN_PATH}/` ? ADMIN_PATH : path;
};

const newApp = () => new Hono<Envelope>({ getPath: routedPath }).onError(answerUnexpected);

/**
 * What each listener serves. A Worker has only `all`, which serves calls and the admin API. A separate admin listener has a
 * separate entrypoint, so that no request header can select the listener.
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
  // For health checks. Accepts any `Host` header, needs no key and reads no storage.
  app.get(HEALTH_PATH, envelope(now), () => Response.json({ status: 'ok', version: VERSION }));
  // If the admin API is turned off, its paths are refused as unknown paths.
  if (serves.admin && settings.admin) {
    app.use(`${ADMIN_PATH}/*`, envelope(now));
    app.route(ADMIN_PATH, createAdmin({ settings, objects, onChanged: tenants.invalidate, now }));
  }
  if (serves.calls) mountGateway(app, services);
  else app.use(envelope(now)).all('*', ({ req }) => answerRefusal(refuse('unknown-path', rawPathOf(req.url))));
  return app;
}

/** Refuses every request, because settings are missing or malformed. Fails closed, and tells the operator what to set. */
function refuseAll(misconfigured: readonly string[]): Hono<Envelope> {
  writeLog({ level: 'error', misconfigured });
  return newApp()
    .use(envelope(now))
    .all('*', () => answerRefusal(refuse('misconfigured', misconfigured)));
}

/** Builds the app of each listener, once for each isolate. */
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

/** The entrypoint of a Worker, and of `postern serve` with one listener. */
export default serve('all');

/** The entrypoint for calls when `postern serve` has a separate admin listener. */
export const callers = serve('callers');
/** The entrypoint of the separate admin listener of `postern serve`. */
export const admin = serve('admin');
