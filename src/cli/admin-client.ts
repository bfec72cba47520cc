/** Calls the admin API of a gateway. */
export interface AdminClient {
  /** @returns the status, and the body's JSON where there is one. */
  request(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }>;
}

export function createAdminClient(gateway: string, token: string): AdminClient {
  return {
    async request(method, path, body) {
      const response = await fetch(`${gateway}/admin/v1${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
    },
  };
}
