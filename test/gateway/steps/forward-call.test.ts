import { describe, expect, it } from 'vitest';
import { type Refusal, refuseLost } from '../../../src/core/refusal.ts';
import { err, ok } from '../../../src/core/result.ts';
import { decideEarly } from '../../../src/gateway/steps/decide-call.ts';
import { forwardCall } from '../../../src/gateway/steps/forward-call.ts';
import { readPayload } from '../../../src/gateway/steps/read-payload.ts';
import { reserveCall } from '../../../src/gateway/steps/reserve-call.ts';
import { gatewayOf, identified, must, tenantOf } from './world.ts';

async function forwarding(answer: Response | Refusal, { leaves = false } = {}) {
  const leaving = new AbortController();
  const { handle, asked } = tenantOf({});
  let sent = 0;
  const gateway = gatewayOf(handle, {
    send: async () => {
      sent += 1;
      return answer instanceof Response ? ok(answer) : err(answer);
    },
  });
  const { call, ends, identified: caller } = identified(gateway, { signal: leaving.signal });
  const bodied = must(await readPayload(gateway, call, must(decideEarly(gateway, call, caller))));
  const reserved = must(await reserveCall(gateway, call, bodied));
  asked.length = 0;
  call.left();
  if (leaves) leaving.abort();
  const { status, body } = await forwardCall(gateway, call, reserved);
  const text = await new Response(body).text();
  await expect.poll(() => ends.length).toBe(1);
  return { status, text, sent, asked, record: call.record };
}
const lambda = (status: number, headers: Record<string, string> = {}, body = '{"a":1}') =>
  new Response(body, { status, headers: { 'x-amzn-requestid': 'theirs', ...headers } });

describe('forwardCall', () => {
  it('sends once, passes the answer on, and frees the slot when the function has ended', async () => {
    const { status, text, sent, asked, record } = await forwarding(lambda(200));
    expect([status, text, sent, asked]).toEqual([200, '{"a":1}', 1, ['ends']]);
    expect(record).toMatchObject({ status: 200, forwarded: true, upstreamRequestId: 'theirs', bytesOut: 7 });
    expect(record.refusal).toBeUndefined();
  });

  it('writes down an error of the function', async () => {
    const { record } = await forwarding(lambda(200, { 'x-amz-function-error': 'Unhandled' }));
    expect(record.functionError).toBe('Unhandled');
  });

  it('sends nothing for a caller that has left', async () => {
    const { sent, asked, record } = await forwarding(lambda(200), { leaves: true });
    expect([sent, asked, record.refusal, record.started]).toEqual([0, ['cancels'], 'caller-left', 'no']);
    expect(record.forwarded).toBeUndefined();
  });

  it.each([
    ['certainly started no function costs nothing', 'no', 'takes back'],
    ['may have started one keeps its slot for a while', 'unknown', 'loses'],
  ] as const)('a call that %s', async (_, started, done) => {
    const { asked, record } = await forwarding(refuseLost('upstream-unreachable', started));
    expect([asked, record.refusal, record.started]).toEqual([[done], 'upstream-unreachable', started]);
  });

  it.each([
    ['Lambda throttles', lambda(429), 429, undefined, ['gives back', 'ends']],
    ['our credentials are refused', lambda(403), 502, 'upstream-credentials', ['gives back', 'ends']],
    ['a platform answers in its place', new Response('', { status: 522 }), 504, 'upstream-timeout', ['loses']],
  ])('when %s', async (_, answer, status, reason, done) => {
    const got = await forwarding(answer);
    expect([got.status, got.record.refusal, got.asked]).toEqual([status, reason, done]);
  });
});
