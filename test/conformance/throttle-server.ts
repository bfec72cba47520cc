import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A Lambda that throttles every call and asks to wait a second; it notes when each attempt arrived. */
export interface ThrottleServer {
  readonly url: string;
  /** When attempts arrived, in milliseconds of one monotonic clock. */
  readonly arrivalsMs: readonly number[];
  close(): Promise<void>;
}

/** As Lambda words a throttle (recorded), with the `Retry-After` that the API model has and the service rarely sends. */
const ANSWER = JSON.stringify({
  Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
  Type: 'User',
  message: 'Rate Exceeded.',
});

/** Starts one on a free port of the loopback. */
export async function startThrottleServer(): Promise<ThrottleServer> {
  const arrivalsMs: number[] = [];
  const server = createServer((request, response) => {
    arrivalsMs.push(performance.now());
    request.resume().on('end', () => {
      response.writeHead(429, {
        'content-type': 'application/json',
        'x-amzn-errortype': 'TooManyRequestsException',
        'retry-after': '1',
      });
      response.end(ANSWER);
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    arrivalsMs,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
