/** The admin API's answer. */
export interface AdminAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** The body as JSON; as text if it is not JSON; undefined if it is empty. */
  readonly body: unknown;
}

/** Calls the admin API of a gateway. */
export interface AdminClient {
  request(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<AdminAnswer>;
}

/** Timeout of a request. A busy gateway answers well within this time, and no command hangs forever. */
const TIMEOUT_MS = 30_000;

export function createAdminClient(gateway: string, token: string): AdminClient {
  return {
    async request(method, path, body, headers) {
      const response = await fetch(`${gateway}/admin/v1${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        // Never follow a redirect: the token is only for the gateway that the operator named.
        redirect: 'manual',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      return { status: response.status, headers: response.headers, body: parse(await response.text()) };
    },
  };
}

function parse(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
