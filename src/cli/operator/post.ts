import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { buffer } from 'node:stream/consumers';

/** The answer to a POST. */
export interface Posted {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

/** Sends a POST and waits for the answer without a time limit. `fetch` would give up on a slow function after 5 minutes. */
export async function post(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string | Buffer,
): Promise<Posted> {
  const { promise, resolve, reject } = Promise.withResolvers<Posted>();
  const send = url.startsWith('https:') ? requestHttps : requestHttp;
  const request = send(url, { method: 'POST', headers: { ...headers, 'content-length': Buffer.byteLength(body) } });
  request.on('error', reject);
  request.on('response', (response) => {
    const { statusCode = 0, headersDistinct } = response;
    const pairs = Object.entries(headersDistinct).map(([name, values = []]): [string, string] => [name, values.join()]);
    buffer(response).then((read) => resolve({ status: statusCode, headers: new Headers(pairs), body: read }), reject);
  });
  request.end(body);
  return await promise;
}
