import { env, exports } from 'cloudflare:workers';
import { assertAsDescribed } from '../support/admin-answers.ts';

export const ORIGIN = 'https://postern.test';

/** Any answer of the admin API, loosely typed: the tests say what they expect of it. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects
  readonly body: any;
}

/** Sends a request to the worker under test. What the admin API answers is as its OpenAPI document says, or this throws. */
export async function fetchWorker(url: string, init?: RequestInit): Promise<Response> {
  const response = await exports.default.fetch(new Request(url, init));
  const { pathname, search } = new URL(url);
  assertAsDescribed({
    method: init?.method ?? 'GET',
    path: pathname + search,
    status: response.status,
    header: (name) => response.headers.get(name),
    body: await response.clone().text(),
  });
  return response;
}

/** Calls the admin API with the admin token. */
export async function admin(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetchWorker(`${ORIGIN}/admin/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${env.POSTERN_ADMIN_TOKEN}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
}
