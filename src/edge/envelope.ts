import type { ErrorHandler, MiddlewareHandler } from 'hono';
import { refuse } from '../core/refusal.ts';
import { accountForHeaders } from './account-for-headers.ts';
import { answerRefusal } from './answer-refusal.ts';
import { logUnexpected } from './log.ts';

/** What the envelope knows of a request. */
export interface Envelope {
  Variables: { requestId: string };
}

/** No cache may keep an answer, and no browser may guess its type. */
export const PROTECTIVE_HEADERS = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } as const;

/** Adds what every answer of the service has, unless it is there: its request id, and the time that SDKs set their clock by. */
export function stamp(response: Response, requestId: string, nowMs: number): Response {
  if (!response.headers.has('x-amzn-requestid')) response.headers.set('x-amzn-requestid', requestId);
  if (!response.headers.has('date')) response.headers.set('date', new Date(nowMs).toUTCString());
  return response;
}

/** The envelope around the answers of every front door but the gateway, which has its own. */
export const envelope =
  (now: () => number): MiddlewareHandler<Envelope> =>
  async (c, next) => {
    c.set('requestId', crypto.randomUUID());
    accountForHeaders(c.req.raw);
    await next();
    stamp(c.res, c.get('requestId'), now());
    for (const [name, value] of Object.entries(PROTECTIVE_HEADERS)) c.res.headers.set(name, value);
  };

/** The last resort: the caller learns nothing of what went wrong. */
export const answerUnexpected: ErrorHandler<Envelope> = (error, c) => {
  logUnexpected(error, c.get('requestId'));
  return answerRefusal(refuse('internal'));
};
