import { env, exports } from 'cloudflare:workers';

export const ORIGIN = 'https://postern.test';

/** Any answer of the admin API, loosely typed: the tests say what they expect of it. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects
  readonly body: any;
}

/** Sends a request to the worker under test. */
export const fetchWorker = (url: string, init?: RequestInit): Promise<Response> =>
  exports.default.fetch(new Request(url, init));

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
