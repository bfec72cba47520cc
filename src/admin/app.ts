import { OpenAPIHono } from '@hono/zod-openapi';
import { HTTPException } from 'hono/http-exception';
import type { Settings } from '../core/settings.ts';
import type { TenantId } from '../core/tenancy/ids.ts';
import type { Tenant } from '../core/tenancy/tenant.ts';
import { type Envelope, writeLog } from '../gateway/app.ts';
import { keyCrypto } from '../gateway/key-crypto.ts';
import { isExposed } from '../gateway/plain-http.ts';
import type { Objects } from '../state/objects.ts';
import type { KeyRecord } from '../state/tenant.ts';
import { createKeyDesk } from './keys.ts';
import { answerProblem, invalidBody, ProblemError, toFieldFaults } from './problem.ts';
import * as routes from './routes.ts';
import { createTenantDesk } from './tenants.ts';

/** What the admin API works with. */
export interface AdminPorts {
  readonly settings: Settings;
  readonly objects: Objects;
  /** Told of each tenant that changed, so that this isolate does not serve from what it remembers. */
  readonly onChanged: (tenantId: TenantId) => void;
}

const iso = (ms: number) => new Date(ms).toISOString();

const showTenant = ({ createdAtMs, updatedAtMs, ...tenant }: Tenant) => ({
  ...tenant,
  createdAt: iso(createdAtMs),
  updatedAt: iso(updatedAtMs),
});

const showKey = ({ createdAtMs, expiresAtMs, ...key }: KeyRecord) => ({
  ...key,
  createdAt: iso(createdAtMs),
  expiresAt: expiresAtMs === null ? null : iso(expiresAtMs),
});

/** The operator's API, to be mounted at `/admin/v1`. */
export function createAdmin(ports: AdminPorts): OpenAPIHono<Envelope> {
  const tenants = createTenantDesk(ports);
  const keys = createKeyDesk(ports, tenants);
  const app = new OpenAPIHono<Envelope>({
    defaultHook: (result) => {
      if (!result.success) throw new ProblemError(invalidBody(toFieldFaults(result.error.issues)));
    },
  });

  app.use(async (c, next) => {
    if (isExposed(c.req.url)) {
      const detail = 'An admin token must not travel over plain HTTP: use https, and change the token.';
      return answerProblem({ status: 403, title: 'Plain HTTP', detail });
    }
    const token = /^bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1] ?? '';
    if (!keyCrypto.timingSafeEqual(token, ports.settings.adminToken)) {
      const detail = 'Send the admin token as `Authorization: Bearer <token>`.';
      return answerProblem({ status: 401, title: 'Unauthorized', detail });
    }
    await next();
    c.res.headers.set('cache-control', 'no-store');
    return;
  });

  app.openapi(routes.createTenant, async (c) => {
    const tenant = await tenants.create(c.req.valid('json'));
    return c.json(showTenant(tenant), 201, { location: `/admin/v1/tenants/${tenant.id}` });
  });
  app.openapi(routes.listTenants, async (c) => {
    const { cursor, limit } = c.req.valid('query');
    const { items, next } = await tenants.list(cursor, limit);
    const shown = items.map(({ createdAtMs, ...tenant }) => ({ ...tenant, createdAt: iso(createdAtMs) }));
    return c.json({ tenants: shown, cursor: next }, 200);
  });
  app.openapi(routes.readTenant, async (c) => {
    return c.json(showTenant(await tenants.read(c.req.valid('param').tenantId)), 200);
  });
  app.openapi(routes.patchTenant, async (c) => {
    return c.json(showTenant(await tenants.patch(c.req.valid('param').tenantId, c.req.valid('json'))), 200);
  });
  app.openapi(routes.deleteTenant, async (c) => {
    await tenants.remove(c.req.valid('param').tenantId);
    return c.body(null, 204);
  });

  app.openapi(routes.createKey, async (c) => {
    const { name, expiresAt } = c.req.valid('json');
    const expiresAtMs = expiresAt === null ? null : Date.parse(expiresAt);
    const { apiKey, secretAccessKey, ...key } = await keys.create(c.req.valid('param').tenantId, name, expiresAtMs);
    return c.json({ ...showKey(key), apiKey, accessKeyId: key.id, secretAccessKey }, 201);
  });
  app.openapi(routes.listKeys, async (c) => {
    const { cursor, limit } = c.req.valid('query');
    const { items, next } = await keys.list(c.req.valid('param').tenantId, cursor, limit);
    return c.json({ keys: items.map(showKey), cursor: next }, 200);
  });
  app.openapi(routes.revokeKey, async (c) => {
    const { tenantId, keyId } = c.req.valid('param');
    await keys.revoke(tenantId, keyId);
    return c.body(null, 204);
  });

  app.openAPIRegistry.registerComponent('securitySchemes', 'adminToken', { type: 'http', scheme: 'bearer' });
  app.doc31('/openapi.json', {
    openapi: '3.1.0',
    info: { title: 'Postern admin API', version: '1' },
    servers: [{ url: '/admin/v1' }],
  });

  app.all('*', () => answerProblem({ status: 404, title: 'Not found', detail: 'There is no such path here.' }));
  app.onError((error, c) => {
    if (error instanceof ProblemError) return answerProblem(error.problem);
    if (error instanceof HTTPException) {
      // The library's words on a body that is not JSON, or not declared as JSON.
      const status = error.status === 415 ? 415 : 400;
      const detail = "The body must be JSON, with 'Content-Type: application/json'.";
      return answerProblem({ status, title: 'Invalid request', detail });
    }
    writeLog({ level: 'error', requestId: c.get('requestId'), error: error.stack });
    return answerProblem({ status: 500, title: 'Internal error', detail: 'It is in the log by its request id.' });
  });
  return app;
}
