import type { MiddlewareHandler } from 'hono';
import { readListener } from '../core/listener.ts';
import { proxyHeaderOf } from '../edge/client-address.ts';
import { writeLog } from '../edge/log.ts';
import { logAddress } from '../edge/log-address.ts';
import { rawPathOf } from '../edge/raw-path.ts';
import type { OperatorPorts } from '../operator/ports.ts';
import { ADMIN_PATH, type AdminEnvelope } from './envelope.ts';
import { OPERATIONS } from './operations.ts';

/** Maximum length of a logged path in characters. Our paths are shorter. The log cuts a longer path from a stranger. */
const MAX_LOGGED_PATH = 256;

const ROUTES = [...new Set([...Object.values(OPERATIONS).map(({ path }) => path), '/openapi.json'])].map((path) => ({
  route: path === '/' ? ADMIN_PATH : ADMIN_PATH + path,
  pattern: new RegExp(
    `^${ADMIN_PATH}${path
      .replace(/^\/$/, '/?')
      .replaceAll('.', '\\.')
      .replace(/\{\w+\}/g, '[^/]+')}$`,
  ),
}));

const levelOf = (status: number) => {
  if (status >= 500) return 'error';
  return status === 401 || status === 403 ? 'warn' : 'info';
};

/**
 * Logs one line for each admin request: the actor, the method and path, the client's address and the outcome. Omits the
 * query, because somebody may have put a secret there.
 */
export const requestLog =
  ({ settings, now }: Pick<OperatorPorts, 'settings' | 'now'>): MiddlewareHandler<AdminEnvelope> =>
  async (c, next) => {
    const startedAtMs = now();
    const listener = readListener(c.executionCtx.props, c.env);
    await next();
    const path = rawPathOf(c.req.url);
    const admin = c.get('admin');
    const { status } = c.res;
    writeLog({
      level: levelOf(status),
      at: new Date(startedAtMs).toISOString(),
      requestId: c.get('requestId'),
      ...(admin && { actor: admin.name, actorId: admin.id ?? null }),
      method: c.req.raw.method.slice(0, 16),
      path: path.slice(0, MAX_LOGGED_PATH),
      route: ROUTES.find(({ pattern }) => pattern.test(path))?.route,
      status,
      address: logAddress(c.req.raw, settings.logAddress, proxyHeaderOf(listener, settings)),
      durationMs: now() - startedAtMs,
    });
  };
