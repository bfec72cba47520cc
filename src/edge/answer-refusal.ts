import { type Refusal, renderRefusal } from '../core/refusal.ts';

/** Turns a refusal into a response. */
export function answerRefusal(refusal: Refusal): Response {
  const { status, headers, body } = renderRefusal(refusal);
  return new Response(body, { status, headers });
}
