import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type * as z from 'zod';
import type { TenantId } from '../core/identity/ids.ts';
import { readListener } from '../core/listener.ts';
import type { Settings } from '../core/settings.ts';
import { StateError } from '../core/tenancy/state-error.ts';
import type { TenantRecord } from '../core/tenancy/tenant.ts';
import { toFieldFaults } from '../document/field-faults.ts';
import { compileRanges } from '../edge/address-ranges.ts';
import { parseBearer } from '../edge/bearer.ts';
import { clientAddress, proxyHeaderOf } from '../edge/client-address.ts';
import type { Envelope } from '../edge/envelope.ts';
import { isExposed } from '../edge/is-exposed.ts';
import { logUnexpected } from '../edge/log.ts';
import { isServedHost } from '../edge/served-host.ts';
import type { AuditDetail, AuditEntry } from '../state/audit-trail.ts';
import type { AdminTokenRecord } from '../state/directory/directory.ts';
import type { Objects } from '../state/objects.ts';
import type { KeyRecord } from '../state/tenant/key-store.ts';
import { explainCall } from './explain.ts';
import { createKeyDesk, type MintedKey } from './keys.ts';
import { describeApi } from './openapi.ts';
import { OPERATIONS, type Operation } from './operations.ts';
import { answerProblem, invalidBody, notFound, ProblemError, problemOfState } from './problem.ts';
import { requestLog } from './request-log.ts';
import { createTenantDesk } from './tenants.ts';
import { type Admin, createTokenDesk } from './tokens.ts';
import { createUsageDesk } from './usage.ts';

/** What the admin API works with. */
export interface AdminPorts {
  readonly settings: Settings;
  readonly objects: Objects;
  /** Told of each tenant that changed, so that this isolate does not serve from what it remembers. */
  readonly onChanged: (tenantId: TenantId) => void;
}

/** What the admin API knows of a request. */
export interface AdminEnvelope {
  /** `admin` is absent until a token has been proved. */
  Variables: Envelope['Variables'] & { admin: Admin | undefined };
}

/** The largest policy that the schema lets through is well below. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;

const iso = (ms: number) => new Date(ms).toISOString();

const showTenant = ({ createdAtMs, updatedAtMs, ...tenant }: TenantRecord) => ({
  ...tenant,
  createdAt: iso(createdAtMs),
  updatedAt: iso(updatedAtMs),
});

const isoOrNull = (ms: number | null) => (ms === null ? null : iso(ms));

const showKey = ({ createdAtMs, expiresAtMs, lastUsedAtMs, ...key }: KeyRecord) => ({
  ...key,
  createdAt: iso(createdAtMs),
  expiresAt: isoOrNull(expiresAtMs),
  lastUsedAt: isoOrNull(lastUsedAtMs),
});

const showEntry = ({ atMs, detail, ...entry }: AuditEntry) => {
  const { key, ...rest } = JSON.parse(detail) as AuditDetail;
  const { expiresAtMs, ...named } = key ?? {};
  const expiresAt = expiresAtMs === undefined ? {} : { expiresAt: isoOrNull(expiresAtMs) };
  return { ...entry, at: iso(atMs), ...rest, ...(key && { key: { ...named, ...expiresAt } }) };
};

/** What a change may name in If-Match. */
const etag = ({ version }: TenantRecord) => ({ etag: `"${version}"` });

/** What a handler is given: everything that its operation names, checked. */
interface Input<O extends Operation> {
  readonly body: O['body'] extends z.ZodType ? z.output<O['body']> : undefined;
  readonly query: O['query'] extends z.ZodType ? z.output<O['query']> : undefined;
  readonly param: (name: string) => string;
}

/** The operator's API, to be mounted at `/admin/v1`. */
export function createAdmin(ports: AdminPorts): Hono<AdminEnvelope> {
  const { settings } = ports;
  const tenants = createTenantDesk(ports);
  const keys = createKeyDesk(ports, tenants);
  const usage = createUsageDesk(ports, tenants);
  const tokens = createTokenDesk(ports);
  const app = new Hono<AdminEnvelope>();

  app.use(requestLog(ports));
  const isAllowed = compileRanges(settings.adminIpAllow);
  app.use(async (c, next) => {
    if (!isServedHost(c.req.raw, settings.hosts)) {
      const detail = "POSTERN_HOSTS does not list the host named in 'Host'. Use a host that it lists, or add this one.";
      return answerProblem({ status: 421, title: 'Host not served', detail });
    }
    // Before the token is looked at: a caller at another address does not learn whether it is valid.
    const listener = readListener(c.executionCtx.props, c.env);
    if (settings.adminIpAllow && !isAllowed(clientAddress(c.req.raw, proxyHeaderOf(listener, settings)))) {
      const detail = 'POSTERN_ADMIN_IP_ALLOW does not include this address.';
      return answerProblem({ status: 403, title: 'Address not allowed', detail });
    }
    if (isExposed(c.req.raw, listener)) {
      const detail = 'An admin token must not travel over plain HTTP: use https, and change the token.';
      return answerProblem({ status: 403, title: 'Plain HTTP', detail });
    }
    const admin = await tokens.identify(readBearer(c.req.raw));
    if (!admin) {
      const detail = 'Send the admin token as `Authorization: Bearer <token>`.';
      return answerProblem({ status: 401, title: 'Unauthorized', detail });
    }
    c.set('admin', admin);
    await next();
    c.res.headers.set('cache-control', 'no-store');
    return;
  });

  app.use(
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: () => {
        const detail = `The body must have at most ${MAX_BODY_BYTES} bytes.`;
        return answerProblem({ status: 413, title: 'Too large', detail });
      },
    }),
  );

  const serve = <O extends Operation>(
    operation: O,
    answer: (input: Input<O>, c: Context<AdminEnvelope>) => Promise<Response>,
  ) => {
    app.on(operation.method, inHono(operation.path), async (c) => {
      if (actorOf(c).access !== 'full' && operation.method !== 'GET' && !operation.isReading) {
        const detail = 'This admin token may only read.';
        return answerProblem({ status: 403, title: 'Read-only', detail });
      }
      const body = operation.body && check(operation.body, await readJson(c.req.raw));
      const query = operation.query && check(operation.query, c.req.query(), true);
      const param = (name: string) => c.req.param(name) ?? '';
      return answer({ body, query, param } as Input<O>, c);
    });
  };

  serve(OPERATIONS.createTenant, async ({ body }, c) => {
    const tenant = await tenants.create(body, actorOf(c));
    return c.json(showTenant(tenant), 201, { ...etag(tenant), location: `/admin/v1/tenants/${tenant.id}` });
  });
  serve(OPERATIONS.listTenants, async ({ query: { cursor, limit } }, c) => {
    const { items, next } = await tenants.list(cursor, limit);
    const shown = items.map(({ createdAtMs, ...tenant }) => ({ ...tenant, createdAt: iso(createdAtMs) }));
    return c.json({ tenants: shown, cursor: next });
  });
  serve(OPERATIONS.readTenant, async ({ param }, c) => {
    const tenant = await tenants.read(param('tenantId'));
    return c.json(showTenant(tenant), 200, etag(tenant));
  });
  serve(OPERATIONS.patchTenant, async ({ body, param }, c) => {
    const tenant = await tenants.patch(param('tenantId'), body, actorOf(c), c.req.header('if-match'));
    return c.json(showTenant(tenant), 200, etag(tenant));
  });
  serve(OPERATIONS.deleteTenant, async ({ param }, c) => {
    await tenants.remove(param('tenantId'), actorOf(c), c.req.header('if-match'));
    return c.body(null, 204);
  });

  const showMinted = ({ apiKey, secretAccessKey, ...key }: MintedKey) => ({
    ...showKey(key),
    apiKey,
    accessKeyId: key.id,
    secretAccessKey,
  });
  serve(OPERATIONS.createKey, async ({ body: { name, expiresAt }, param }, c) => {
    const expiresAtMs = expiresAt === null ? null : Date.parse(expiresAt);
    return c.json(showMinted(await keys.create(param('tenantId'), name, expiresAtMs, actorOf(c))), 201);
  });
  serve(OPERATIONS.rotateKey, async ({ body: { graceSeconds }, param }, c) =>
    c.json(showMinted(await keys.rotate(param('tenantId'), param('keyId'), graceSeconds, actorOf(c))), 201),
  );
  serve(OPERATIONS.listKeys, async ({ query: { cursor, limit }, param }, c) => {
    const { items, next } = await keys.list(param('tenantId'), cursor, limit);
    return c.json({ keys: items.map(showKey), cursor: next });
  });
  serve(OPERATIONS.revokeKey, async ({ param }, c) => {
    await keys.revoke(param('tenantId'), param('keyId'), actorOf(c));
    return c.body(null, 204);
  });

  const showToken = ({ createdAtMs, expiresAtMs, ...token }: AdminTokenRecord) => ({
    ...token,
    createdAt: iso(createdAtMs),
    expiresAt: isoOrNull(expiresAtMs),
  });
  serve(OPERATIONS.createAdminToken, async ({ body: { name, access, expiresAt } }, c) => {
    const expiresAtMs = expiresAt === null ? null : Date.parse(expiresAt);
    const { token, ...made } = await tokens.create(name, access, expiresAtMs, actorOf(c));
    return c.json({ ...showToken(made), token }, 201);
  });
  serve(OPERATIONS.listAdminTokens, async (_, c) => c.json({ adminTokens: (await tokens.list()).map(showToken) }));
  serve(OPERATIONS.revokeAdminToken, async ({ param }, c) => {
    await tokens.revoke(param('adminTokenId'), actorOf(c));
    return c.body(null, 204);
  });
  serve(OPERATIONS.readGatewayAudit, async ({ query: { cursor, limit } }, c) => {
    const { items, next } = await ports.objects.directory(async (stub) => await stub.audit(cursor, limit));
    return c.json({ entries: items.map(showEntry), cursor: next });
  });
  serve(OPERATIONS.readAudit, async ({ query: { cursor, limit }, param }, c) => {
    const tenantId = tenants.verify(param('tenantId'));
    const { items, next } = await ports.objects.tenant(tenantId, async (stub) => await stub.audit(cursor, limit));
    return c.json({ entries: items.map(showEntry), cursor: next });
  });
  serve(OPERATIONS.explainCall, async ({ body, param }, c) => {
    const id = tenants.verify(param('tenantId'));
    const foresight = await ports.objects.tenant(id, async (stub) => await stub.foresee(body.payloadBytes));
    if (!foresight) throw notFound('tenant');
    return c.json(explainCall(ports.settings, id, foresight, body, Date.now()));
  });
  serve(OPERATIONS.readUsage, async ({ query, param }, c) => c.json(await usage.read(param('tenantId'), query)));

  app.get('/openapi.json', (c) => c.json(describeApi()));
  refuseOtherMethods(app);
  app.all('*', () => answerProblem({ status: 404, title: 'Not found', detail: 'There is no such path here.' }));
  app.onError((error, c) => {
    if (error instanceof ProblemError) return answerProblem(error.problem);
    logUnexpected(error, c.get('requestId'));
    const problem = error instanceof StateError ? problemOfState(error) : undefined;
    if (problem) return answerProblem(problem);
    return answerProblem({
      status: 500,
      title: 'Internal error',
      detail: 'The log has the cause, under the request id.',
    });
  });
  return app;
}

/** Answers 405 to a method that a known path does not have, and OPTIONS with the methods that it has. */
function refuseOtherMethods(app: Hono<AdminEnvelope>): void {
  const methods = new Map<string, Set<string>>([['/openapi.json', new Set(['GET'])]]);
  for (const { path, method } of Object.values<Operation>(OPERATIONS)) {
    methods.set(path, (methods.get(path) ?? new Set()).add(method));
  }
  for (const [path, served] of methods) {
    // Hono answers HEAD with what serves GET.
    const allow = [...served, ...(served.has('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ');
    app.all(inHono(path), (c) => {
      if (c.req.raw.method === 'OPTIONS') return c.body(null, 204, { allow });
      const detail = `This path allows ${allow}.`;
      return answerProblem({ status: 405, title: 'Method not allowed', detail }, { allow });
    });
  }
}

/** A path with parameters as Hono writes them. */
const inHono = (path: string) => path.replace(/\{(\w+)\}/g, ':$1');

/** Whose token was proved: no operation is served without one. */
function actorOf(c: Context<AdminEnvelope>): Admin {
  const admin = c.get('admin');
  if (!admin) throw new Error('an operation was served without an admin token');
  return admin;
}

/** None of our tokens is longer, with `Bearer` before it. A longer header is ignored. */
const MAX_AUTHORIZATION_LENGTH = 8_192;

function readBearer(request: Request): string {
  const text = request.headers.get('authorization') ?? '';
  if (text.length > MAX_AUTHORIZATION_LENGTH) return '';
  return parseBearer(text) ?? '';
}

const JSON_TYPE = /^application\/([a-z-.]+\+)?json\s*(;|$)/i;

async function readJson(request: Request): Promise<unknown> {
  const detail = "The body must be JSON, with 'Content-Type: application/json'.";
  if (!JSON_TYPE.test(request.headers.get('content-type') ?? '')) {
    throw new ProblemError({ status: 415, title: 'Invalid request', detail });
  }
  try {
    return await request.json();
  } catch {
    throw new ProblemError({ status: 400, title: 'Invalid request', detail });
  }
}

function check<T>(schema: z.ZodType<T>, value: unknown, inQuery = false): T {
  const checked = schema.safeParse(value);
  if (checked.success) return checked.data;
  throw new ProblemError(invalidBody(toFieldFaults(checked.error.issues, inQuery)));
}
