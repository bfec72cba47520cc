import type { ServerResponse } from 'node:http';
import type { Refusal } from './refusal.ts';

/** An answer, without the headers that every answer has. */
export interface Answer {
  readonly status: number;
  readonly contentType?: string;
  /** Undefined: the answer has no Content-Length. The empty body is `''`. */
  readonly body?: Uint8Array | string;
  /** The headers after the request id, with the order and case that the service sends. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
}

/** Writes an answer's status and headers, with the names, case and order recorded from the service. */
export function writeHead(response: ServerResponse, requestId: string, nowMs: number, answer: Answer): void {
  const { status, contentType, body, headers = [] } = answer;
  const head: (readonly [string, string])[] = [['Date', new Date(nowMs).toUTCString()]];
  if (contentType !== undefined) head.push(['Content-Type', contentType]);
  if (body !== undefined) head.push(['Content-Length', String(Buffer.byteLength(body))]);
  head.push(['Connection', response.shouldKeepAlive ? 'keep-alive' : 'close']);
  head.push(['x-amzn-RequestId', requestId], ...headers);
  response.sendDate = false;
  response.writeHead(status, head.flat());
}

/** Writes a whole answer. */
export function sendAnswer(response: ServerResponse, requestId: string, nowMs: number, answer: Answer): void {
  writeHead(response, requestId, nowMs, answer);
  response.end(answer.body);
}

/** Turns a refusal into an answer. */
export function refusalAnswer({ status, type, body }: Refusal): Answer {
  if (type === null) return { status, body };
  return { status, contentType: 'application/json', body, headers: [['x-amzn-ErrorType', type]] };
}
