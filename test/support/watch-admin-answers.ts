import { subscribe } from 'node:diagnostics_channel';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import type { AdminAnswer } from './admin-answers.ts';
import { isAdminPath } from './admin-path.ts';

const DECODERS: Readonly<Record<string, (bytes: Buffer) => Buffer>> = { gzip: gunzipSync, br: brotliDecompressSync };
const decode = (bytes: Buffer, encoding = '') => (DECODERS[encoding]?.(bytes) ?? bytes).toString();

/** The checks of the answers that this process got. */
export interface Watch {
  /** Takes the faults found so far. */
  takeFaults(): string[];
  /** Resolves when no check is under way. */
  settled(): Promise<void>;
}

/** Holds every answer of the admin API that this process gets, by `fetch` or by `node:http`, to its OpenAPI document. */
export function watchAdminAnswers(): Watch {
  const faults: string[] = [];
  const checks = new Set<Promise<unknown>>();
  const check = (answer: AdminAnswer) => {
    // Loaded only now: most processes never need it.
    const checked = import('./admin-answers.ts').then(({ findAnswerFaults }) => {
      faults.push(...findAnswerFaults(answer));
    });
    checks.add(checked);
    return checked.finally(() => checks.delete(checked));
  };

  const plainFetch = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    const response = await plainFetch(input, init);
    const request = input instanceof Request ? input : undefined;
    const { pathname, search } = new URL(request?.url ?? String(input));
    if (!isAdminPath(pathname)) return response;
    const method = init?.method ?? request?.method ?? 'GET';
    const header = (name: string) => response.headers.get(name);
    const body = await response.clone().text();
    await check({ method, path: pathname + search, status: response.status, header, body });
    return response;
  };

  subscribe('http.client.response.finish', (message) => {
    const { request, response } = message as { readonly request: ClientRequest; readonly response: IncomingMessage };
    const { method, path } = request;
    if (!isAdminPath(path)) return;
    const pieces: Buffer[] = [];
    const push = response.push.bind(response);
    response.push = (piece: Buffer | null, ...rest) => {
      if (piece) pieces.push(piece);
      else {
        const header = (name: string) => response.headers[name]?.toString();
        const body = decode(Buffer.concat(pieces), response.headers['content-encoding']);
        void check({ method, path, status: response.statusCode ?? 0, header, body });
      }
      return push(piece, ...rest);
    };
  });

  return {
    takeFaults: () => faults.splice(0),
    async settled() {
      await Promise.all(checks);
    },
  };
}
