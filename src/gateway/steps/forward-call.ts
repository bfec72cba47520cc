import { refuseLeft, refuseLost } from '../../core/refusal.ts';
import { MAX_WHOLE_PAYLOAD_BYTES } from '../../upstream/send.ts';
import { type Answer, type AnswerEnd, mapIdentityError, mapPlatformError } from '../answer.ts';
import type { Call } from '../call.ts';
import { recordAnswer, recordEnd, recordForwarding, recordUpstream } from '../call-record.ts';
import type { Gateway } from '../gateway.ts';
import { readBilled } from '../metering.ts';
import { passPermitted } from '../pass-permitted.ts';
import type { Reserved } from './reserve-call.ts';

/** Step 8. Sends the call and answers it. Step 9, settling, follows when the end of the answer is observed. */
export async function forwardCall(gateway: Gateway, call: Call, reserved: Reserved): Promise<Answer> {
  const { record } = call;
  const { permit, body, reservation } = reserved;
  // If the caller left during a wait, nothing is sent. Once the call is sent, the function runs even without its caller.
  if (call.isLeft) {
    reservation.cancel();
    return call.refuse(refuseLeft());
  }
  recordForwarding(record, reservation.uncounted);
  call.onForward();
  const sent = await gateway.send(permit, body, {
    wait: call.stopwatch.within,
    onSent: body.onSent,
    waitUntil: call.waitUntil,
    // A short payload is sent in one piece, so its upload cannot be aborted halfway.
    ...(body.bytes.byteLength > MAX_WHOLE_PAYLOAD_BYTES && { signal: call.left() }),
  });
  if (!sent.ok) {
    // If a function may have started, it may still run for a while.
    if (sent.error.started === 'unknown') reservation.lose();
    else reservation.takeBack();
    return call.refuse(sent.error);
  }
  return answerCall(call, reserved, sent.value);
}

/** Answers a call with Lambda's answer. */
async function answerCall(call: Call, { permit, reservation }: Reserved, upstream: Response): Promise<Answer> {
  const { record } = call;
  const lost = mapPlatformError(upstream);
  if (lost) {
    reservation.lose();
    call.waitUntil(upstream.body?.cancel() ?? Promise.resolve());
    return call.refuse(lost);
  }
  recordUpstream(record, upstream);
  const refusal = mapIdentityError(upstream, permit.givenName);
  if (refusal || upstream.status === 429) reservation.giveBack();
  if (refusal) {
    reservation.end();
    call.waitUntil(upstream.body?.cancel() ?? Promise.resolve());
    return call.refuse(refusal);
  }
  recordAnswer(record, upstream, readBilled(upstream.headers.get('x-amz-log-result')));
  const accept = call.request.headers.get('accept') ?? undefined;
  const passed = await passPermitted(upstream, permit, accept, call);
  if (typeof passed === 'string') {
    // Lambda sends a buffered answer only after the function has ended. An answer that is not HTTP is not from Lambda.
    if (passed === 'not-http') reservation.lose();
    else reservation.end();
    return call.refuse(refuseLost(passed === 'stalled' ? 'upstream-timeout' : 'upstream-unreachable', 'unknown'));
  }
  const { answer, ended } = passed;
  const settle = (end: AnswerEnd) => {
    if (end.functionEnded) reservation.end();
    recordEnd(record, end);
    call.settle();
  };
  if (ended instanceof Promise) call.waitUntil(ended.then(settle));
  else settle(ended);
  return answer;
}
