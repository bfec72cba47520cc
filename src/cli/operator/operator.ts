import { type AnswerOf, fillPath, type Operation, type ParamsOf } from '../../admin/operation.ts';
import { CommandError, EXIT, EXIT_OF_STATUS, type ExitCode } from '../terminal/exit.ts';
import { type AdminAnswer, createAdminClient } from './admin-client.ts';
import type { Connection } from './connection.ts';
import { unreachable } from './unreachable.ts';

/** The answer to a successful request. */
export interface Answered<T> {
  readonly body: T;
  /** The version of the body, for `If-Match`. */
  readonly etag?: string;
}

/** The admin API, as commands use it. Any answer other than 2xx is thrown as a `CommandError`. */
export interface Operator {
  readonly url: string;
  call<O extends Operation>(operation: O, params: ParamsOf<O>, more?: More): Promise<Answered<AnswerOf<O>>>;
  /** Reads all the pages of a list and returns at most `limit` items. `member` names the member of a page with the items. */
  list<O extends Operation, Member extends keyof AnswerOf<O> & string>(
    operation: O,
    params: ParamsOf<O>,
    member: Member,
    limit?: number,
  ): Promise<ItemOf<AnswerOf<O>[Member]>[]>;
  /** Reads the OpenAPI document of the gateway. */
  describe(): Promise<object>;
}

/** The parts of a request besides its path parameters. The gateway checks these parts. */
interface More {
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly ifMatch?: string | undefined;
}

type ItemOf<List> = List extends readonly (infer Item)[] ? Item : never;

const PAGE = 100;

const EXIT_OF_ADMIN_STATUS: Readonly<Record<number, ExitCode>> = {
  ...EXIT_OF_STATUS,
  401: EXIT.refused,
  412: EXIT.conflict,
};

export function createOperator({ url, adminToken }: Connection): Operator {
  const client = createAdminClient(url, adminToken);
  const send = async (method: string, path: string, body?: unknown, ifMatch?: string): Promise<Answered<unknown>> => {
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
    return { body: answer.body, ...(etag !== null && { etag }) };
  };
  const call: Operator['call'] = async <O extends Operation>(
    operation: O,
    params: ParamsOf<O>,
    { query, body, ifMatch }: More = {},
  ) => {
    const path = fillPath(operation.path, params) + (query ? `?${new URLSearchParams(query)}` : '');
    return (await send(operation.method, path, body, ifMatch)) as Answered<AnswerOf<O>>;
  };
  return {
    url,
    call,
    async list<O extends Operation, Member extends keyof AnswerOf<O> & string>(
      operation: O,
      params: ParamsOf<O>,
      member: Member,
      limit = Number.POSITIVE_INFINITY,
    ) {
      const items: ItemOf<AnswerOf<O>[Member]>[] = [];
      let cursor: unknown = '';
      while (typeof cursor === 'string' && items.length < limit) {
        const query = { limit: String(Math.min(PAGE, limit - items.length)), ...(cursor !== '' && { cursor }) };
        const { body } = await call<Operation>(operation, params, { query });
        const page = body as unknown as Partial<Record<string, unknown>>;
        items.push(...((page[member] ?? []) as typeof items));
        cursor = page.cursor;
      }
      return items.slice(0, limit);
    },
    describe: async () => (await send('GET', '/openapi.json')).body as object,
  };
}

/** Turns an error answer (RFC 9457 problem details, or a refusal of the gateway) into an error that quotes the answer. */
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
  return new CommandError(text + hint, EXIT_OF_ADMIN_STATUS[status] ?? EXIT.failed);
}
