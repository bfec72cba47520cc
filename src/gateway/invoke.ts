import type { Answer } from './answer.ts';
import type { Call } from './call.ts';
import type { Gateway } from './gateway.ts';
import { decideEarly } from './steps/decide-call.ts';
import { forwardCall } from './steps/forward-call.ts';
import { identifyCaller, proveToken } from './steps/identify-caller.ts';
import { chargeMistake } from './steps/load-tenant.ts';
import { type Bodied, proveSignature, readPayload } from './steps/read-payload.ts';
import { receive } from './steps/receive.ts';
import { reserveCall } from './steps/reserve-call.ts';

/**
 * Serves one call to Lambda's API, from the request line to the last byte of the answer. Each step builds on the result of
 * the step before. Only a proved caller learns what is wrong with its call.
 */
export async function invoke(gateway: Gateway, call: Call): Promise<Answer> {
  const received = receive(call.request, gateway.settings);
  if (!received.ok) return call.refuse(received.error);

  const identified = identifyCaller(gateway, call, received.value);
  if (!identified.ok) return call.refuse(identified.error);
  const { caller, tenant } = identified.value;
  if (caller.credential.kind === 'token') {
    const refusal = await proveToken(gateway, call, tenant, caller.credential.token);
    if (refusal) return call.refuse(refusal);
  }

  const decided = decideEarly(gateway, call, identified.value);
  if (!decided.ok) return call.refuse(await chargeMistake(tenant, call, decided.error));

  const bodied = await readPayload(gateway, call, decided.value);
  if (!bodied.ok) return call.refuse(bodied.error);
  const { close } = bodied.value.body;
  try {
    const answer = await serveBody(gateway, call, bodied.value);
    if (!call.record.forwarded) close(); // a forwarded body is freed as its bytes are sent
    return answer;
  } catch (error) {
    close();
    throw error;
  }
}

async function serveBody(gateway: Gateway, call: Call, bodied: Bodied): Promise<Answer> {
  const unproved = call.proved ? undefined : await proveSignature(call, bodied);
  if (unproved) return call.refuse(unproved);

  const reserved = await reserveCall(gateway, call, bodied);
  if (!reserved.ok) return call.refuse(reserved.error);

  return forwardCall(gateway, call, reserved.value);
}
