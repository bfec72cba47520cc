import type { Context, MiddlewareHandler } from 'hono';
import { readListener } from '../core/listener.ts';
import { compileRanges } from '../edge/address-ranges.ts';
import { parseBearer } from '../edge/bearer.ts';
import { clientAddress, proxyHeaderOf } from '../edge/client-address.ts';
import { isExposed } from '../edge/is-exposed.ts';
import { isServedHost } from '../edge/served-host.ts';
import type { Admin } from '../operator/access.ts';
import { identifyAdmin } from '../operator/identify.ts';
import type { OperatorPorts } from '../operator/ports.ts';
import type { AdminEnvelope } from './envelope.ts';
import { answerProblem } from './problem.ts';

/** Maximum length in characters of an `Authorization` header. Our tokens fit, so a longer header is ignored. */
const MAX_AUTHORIZATION_LENGTH = 8_192;

function readBearer(request: Request): string {
  const text = request.headers.get('authorization') ?? '';
  if (text.length > MAX_AUTHORIZATION_LENGTH) return '';
  return parseBearer(text) ?? '';
}

/** Guards every operation: refuses a request whose host, address or transport is not allowed, or without an admin token. */
export function authenticate(ports: OperatorPorts): MiddlewareHandler<AdminEnvelope> {
  const { settings } = ports;
  const isAllowed = compileRanges(settings.adminIpAllow);
  return async (c, next) => {
    if (!isServedHost(c.req.raw, settings.hosts)) {
      const detail = "POSTERN_HOSTS does not list the host named in 'Host'. Use a host that it lists, or add this one.";
      return answerProblem({ status: 421, title: 'Host not served', detail });
    }
    // Checks the address before the token, so that a caller at another address does not learn whether the token is valid.
    const listener = readListener(c.executionCtx.props, c.env);
    if (settings.adminIpAllow && !isAllowed(clientAddress(c.req.raw, proxyHeaderOf(listener, settings)))) {
      const detail = 'POSTERN_ADMIN_IP_ALLOW does not include this address.';
      return answerProblem({ status: 403, title: 'Address not allowed', detail });
    }
    if (isExposed(c.req.raw, listener)) {
      const detail = 'An admin token must not travel over plain HTTP: use https, and change the token.';
      return answerProblem({ status: 403, title: 'Plain HTTP', detail });
    }
    const admin = await identifyAdmin(ports, readBearer(c.req.raw));
    if (!admin) {
      const detail = 'Send the admin token as `Authorization: Bearer <token>`.';
      return answerProblem({ status: 401, title: 'Unauthorized', detail });
    }
    c.set('admin', admin);
    await next();
    c.res.headers.set('cache-control', 'no-store');
    return;
  };
}

/** Returns the holder of the verified admin token. `authenticate` sets the holder, so a missing holder is a bug. */
export function adminOf(c: Context<AdminEnvelope>): Admin {
  const admin = c.get('admin');
  if (!admin) throw new Error('an operation was served without an admin token');
  return admin;
}
