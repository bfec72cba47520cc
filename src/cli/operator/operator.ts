import { CommandError, EXIT, type ExitCode } from '../terminal/exit.ts';
import { type AdminAnswer, createAdminClient } from './admin-client.ts';
import type { Connection } from './connection.ts';
import { unreachable } from './unreachable.ts';

/** The answer to a request that succeeded. */
export interface Answered<T> {
  readonly body: T;
  /** The version of what was read, for `If-Match`. */
  readonly etag?: string;
}

/** The admin API, as an operator uses it. Any answer but a 2xx is thrown as a `CommandError`. */
export interface Operator {
  readonly url: string;
  call<T>(
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
    ifMatch?: string,
  ): Promise<Answered<T>>;
  /** Every item of a list, from all its pages; or at most `limit` of them. */
  list<T>(path: string, member: string, limit?: number): Promise<T[]>;
}

const PAGE = 100;

const EXIT_OF_STATUS: Readonly<Record<number, ExitCode>> = {
  400: EXIT.usage,
  401: EXIT.refused,
  403: EXIT.refused,
  404: EXIT.notFound,
  412: EXIT.conflict,
  413: EXIT.usage,
  415: EXIT.usage,
};

export function createOperator({ url, adminToken }: Connection): Operator {
  const client = createAdminClient(url, adminToken);
  const call: Operator['call'] = async <T>(method: string, path: string, body?: unknown, ifMatch?: string) => {
    const answer = await client
      .request(method, path, body, ifMatch === undefined ? {} : { 'if-match': ifMatch })
      .catch((error: unknown) => {
        throw unreachable(url, error, method !== 'GET');
      });
    if (answer.status < 200 || answer.status > 299) throw refusalOf(url, answer);
    if (typeof answer.body === 'string')
      throw new CommandError(
        `${url} answered ${path} with something other than JSON: check that it is a Postern gateway`,
      );
    const etag = answer.headers.get('etag');
    return { body: answer.body as T, ...(etag !== null && { etag }) };
  };
  return {
    url,
    call,
    async list<T>(path: string, member: string, limit = Number.POSITIVE_INFINITY) {
      const items: T[] = [];
      let cursor: string | null = '';
      while (cursor !== null && items.length < limit) {
        const query: string = new URLSearchParams({
          limit: String(Math.min(PAGE, limit - items.length)),
          ...(cursor !== '' && { cursor }),
        }).toString();
        const { body }: Answered<Record<string, unknown>> = await call('GET', `${path}?${query}`);
        items.push(...((body[member] ?? []) as T[]));
        cursor = typeof body.cursor === 'string' ? body.cursor : null;
      }
      return items.slice(0, limit);
    },
  };
}

/** An error of the admin API in its own words: RFC 9457 problem details, or a refusal of the gateway. */
function refusalOf(url: string, { status, headers, body }: AdminAnswer): CommandError {
  const { detail, errors, Message, message } = (typeof body === 'object' && body !== null ? body : {}) as {
    detail?: unknown;
    errors?: readonly { pointer: string; detail: string }[];
    Message?: unknown;
    message?: unknown;
  };
  const words = [detail, Message, message].find((text) => typeof text === 'string') ?? 'no reason was given';
  const faults = errors && errors.length > 0 ? errors.map((fault) => `  ${fault.pointer}: ${fault.detail}`) : [];
  const refusal = headers.get('x-postern-refusal');
  const head = `${url} answered ${status}${refusal ? ` (${refusal})` : ''}`;
  const text = faults.length > 0 ? [`${head}: not valid`, ...faults].join('\n') : `${head}: ${words}`;
  const hint = status === 401 ? ' Check that POSTERN_ADMIN_TOKEN, or the profile, is for this gateway.' : '';
  return new CommandError(text + hint, EXIT_OF_STATUS[status] ?? EXIT.failed);
}
