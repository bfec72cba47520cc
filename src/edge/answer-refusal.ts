import { type Refusal, renderRefusal } from '../core/refusal.ts';

/** A refusal as a response. */
export function answerRefusal(refusal: Refusal): Response {
  const { status, headers, body } = renderRefusal(refusal);
  return new Response(body, { status, headers });
}
