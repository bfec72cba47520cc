import type { Hono } from 'hono';
import { readListener } from '../core/listener.ts';
import { refuse } from '../core/refusal.ts';
import { accountForHeaders } from '../edge/account-for-headers.ts';
import { type Envelope, PROTECTIVE_HEADERS, stamp } from '../edge/envelope.ts';
import { logUnexpected, writeLog } from '../edge/log.ts';
import { logAddress } from '../edge/log-address.ts';
import { isServedHost } from '../edge/served-host.ts';
import type { Answer } from './answer.ts';
import { type Call, type CallPorts, startCall } from './call.ts';
import { recordAddress } from './call-record.ts';
import { allowOrigin, answerPreflight } from './cors.ts';
import type { Gateway } from './gateway.ts';
import { invoke } from './invoke.ts';
import { usageOf, usageOfForwarding } from './metering.ts';

/**
 * Mounts the gateway, which answers every request that no other room has claimed. The gateway is a single handler without
 * middleware, because Hono calls a single handler directly.
 */
export function mountGateway(app: Hono<Envelope>, gateway: Gateway): void {
  const { settings, now } = gateway;
  const ports = createPorts(gateway);
  app.all('*', ({ req, env, executionCtx }) => {
    const request = req.raw;
    const requestId = crypto.randomUUID();
    const isServed = isServedHost(request, settings.hosts);
    const preflight = isServed && answerPreflight(request);
    if (preflight) {
      accountForHeaders(request);
      return stamp(preflight, requestId, now());
    }
    const waitUntil = (promise: Promise<unknown>) => executionCtx.waitUntil(promise);
    const listener = readListener(executionCtx.props, env);
    const response = respond(gateway, startCall({ requestId, request, listener, waitUntil }, ports), isServed);
    // When a caller leaves, the runtime cancels all work outside `waitUntil`. The end of the function would then go
    // unobserved, and the memory of a half-read body would never be freed.
    waitUntil(response);
    return response;
  });
}

const createPorts = ({ settings, bodies, now }: Gateway): CallPorts => ({
  now,
  bodies,
  log({ record, request }) {
    recordAddress(record, logAddress(request, settings.logAddress, settings.clientIpHeader));
    writeLog(record);
  },
  onForward({ tenant, record }) {
    tenant?.record(record.target ?? '', usageOfForwarding(record));
  },
  onEnd({ tenant, record, proved, isLive }) {
    // Anybody can name a tenant, so a call without proof does not count as the tenant's call.
    if (!proved) return tenant?.recordUnproved();
    if (record.key && isLive) tenant?.recordKey(record.key);
    tenant?.record(record.target ?? '', usageOf(record));
  },
});

/** Answers a call and adds the headers that every answer has. */
async function respond(gateway: Gateway, call: Call, isServed: boolean): Promise<Response> {
  const { record, request } = call;
  const { status, headers, body } = await serve(gateway, call, isServed);
  call.stopwatch.stop();
  const { tenant } = call;
  if (tenant && call.proved && call.isLive) Object.assign(headers, tenant.rateLimitHeaders());
  // A refusal before proof reveals nothing about a tenant. Any page may read it, to set a clock or correct a request.
  const unproved = call.proved ? undefined : (request.headers.get('origin') ?? undefined);
  const origin = call.proved ? call.corsOrigin : unproved;
  if (origin !== undefined) allowOrigin(headers, origin);
  Object.assign(headers, PROTECTIVE_HEADERS);
  headers['x-amzn-requestid'] ??= record.requestId;
  if (record.traceId !== undefined) headers['x-amzn-trace-id'] ??= record.traceId;
  headers.date ??= new Date(gateway.now()).toUTCString();
  return new Response(body, { status, headers });
}

/** Serves a call. Logs any exception and answers 500. */
async function serve(gateway: Gateway, call: Call, isServed: boolean): Promise<Answer> {
  try {
    return await (isServed ? invoke(gateway, call) : call.refuse(refuse('host-not-served')));
  } catch (error) {
    logUnexpected(error, call.record.requestId);
    return call.refuse(refuse('internal'));
  }
}
