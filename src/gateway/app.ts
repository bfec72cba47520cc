import type { Hono } from 'hono';
import { readListener } from '../core/listener.ts';
import { refuse } from '../core/refusal.ts';
import { type Envelope, PROTECTIVE_HEADERS, stamp } from '../edge/envelope.ts';
import { logUnexpected, writeLog } from '../edge/log.ts';
import { logAddress } from '../edge/log-address.ts';
import { isServedHost } from '../edge/served-host.ts';
import { type CallRecord, startCall } from './call.ts';
import { allowOrigin, answerPreflight } from './cors.ts';
import { type Gateway, invoke } from './invoke.ts';
import { usageOf, usageOfForwarding } from './metering.ts';

/**
 * Mounts the gateway: it answers whatever no other room has claimed. It is one handler with no middleware around it, for
 * then Hono calls it straight away.
 */
export function mountGateway(app: Hono<Envelope>, gateway: Gateway): void {
  const { settings, tenants, bodies, now } = gateway;
  app.all('*', (c) => {
    const requestId = crypto.randomUUID();
    const served = isServedHost(c.req.raw, settings.hosts);
    const preflight = served && answerPreflight(c.req.raw);
    if (preflight) return stamp(preflight, requestId, now());
    const waitUntil = (promise: Promise<unknown>) => c.executionCtx.waitUntil(promise);
    const onForward = (record: CallRecord) => {
      if (record.tenant) tenants.record(record.tenant, record.target ?? '', usageOfForwarding(record), waitUntil);
    };
    const onEnd = (record: CallRecord) => {
      if (!record.tenant) return;
      // Anybody can name a tenant: what was not proved is no call of its.
      if (!call.proved) return tenants.recordUnproved(record.tenant, waitUntil);
      if (record.key && call.isLive) tenants.recordKey(record.tenant, record.key);
      tenants.record(record.tenant, record.target ?? '', usageOf(record), waitUntil);
    };
    const log = (record: CallRecord) => {
      record.address = logAddress(c.req.raw, settings);
      writeLog(record);
    };
    const listener = readListener(c.executionCtx.props, c.env);
    const call = startCall(requestId, c.req.raw, waitUntil, { listener, now, log, bodies, onForward, onEnd });
    const answer = (served ? invoke(gateway, c.req.raw, call) : call.refuse(refuse('host-not-served')))
      .catch((error: unknown) => {
        logUnexpected(error, requestId);
        return call.refuse(refuse('internal'));
      })
      .then(({ status, headers, body }) => {
        call.stopwatch.stop();
        const { tenant } = call.record;
        if (tenant && call.proved && call.isLive) Object.assign(headers, tenants.describeLimits(tenant));
        // A refusal before proof tells nothing of a tenant, so any page may read it: to set its clock, or mend its request.
        const unproved = call.proved ? undefined : (c.req.raw.headers.get('origin') ?? undefined);
        const origin = call.proved ? call.corsOrigin : unproved;
        if (origin !== undefined) allowOrigin(headers, origin);
        Object.assign(headers, PROTECTIVE_HEADERS);
        headers['x-amzn-requestid'] ??= requestId;
        if (call.record.traceId !== undefined) headers['x-amzn-trace-id'] ??= call.record.traceId;
        headers.date ??= new Date(now()).toUTCString();
        return new Response(body, { status, headers });
      });
    // When a caller leaves, the runtime drops what is not under `waitUntil`: the function's end would not be seen, and
    // the memory of a half-read body never be given back.
    waitUntil(answer);
    return answer;
  });
}
