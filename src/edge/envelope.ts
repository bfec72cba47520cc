import type { ErrorHandler, MiddlewareHandler } from 'hono';
import { refuse } from '../core/refusal.ts';
import { accountForHeaders } from './account-for-headers.ts';
import { answerRefusal } from './answer-refusal.ts';
import { logUnexpected } from './log.ts';

/** The data that the envelope stores about a request. */
export interface Envelope {
  Variables: { requestId: string };
}

/** These headers stop caches from storing an answer and browsers from guessing its type. */
export const PROTECTIVE_HEADERS = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } as const;

/**
 * Adds the headers that every answer of the service has, if they are missing: `x-amzn-requestid`, and `date`, from
 * which SDKs correct their clocks.
 */
export function stamp(response: Response, requestId: string, nowMs: number): Response {
  if (!response.headers.has('x-amzn-requestid')) response.headers.set('x-amzn-requestid', requestId);
  if (!response.headers.has('date')) response.headers.set('date', new Date(nowMs).toUTCString());
  return response;
}

/** Wraps the answers of every front door except the gateway, which has a separate envelope. */
export const envelope =
  (now: () => number): MiddlewareHandler<Envelope> =>
  async (c, next) => {
    c.set('requestId', crypto.randomUUID());
    accountForHeaders(c.req.raw);
    await next();
    stamp(c.res, c.get('requestId'), now());
    for (const [name, value] of Object.entries(PROTECTIVE_HEADERS)) c.res.headers.set(name, value);
  };

/** Answers an unexpected error. The caller learns nothing about the cause. */
export const answerUnexpected: ErrorHandler<Envelope> = (error, c) => {
  logUnexpected(error, c.get('requestId'));
  return answerRefusal(refuse('internal'));
};
