import type { Permit } from '../core/policy/authorize.ts';

/** Lambda's own errors are far smaller; more than this is not read into memory. */
const MAX_ERROR_BYTES = 64 * 1024;
const ARN = /arn:aws[a-z0-9-]*:lambda:[a-z0-9-]*:\d{12}:function:[a-zA-Z0-9\-_.]+(:[a-zA-Z0-9\-_$.]+)?/g;
const HIDDEN = '************';

/**
 * Takes out of Lambda's answer whatever tells a caller of a published name where the function lives: its ARN becomes the
 * published name, the account's number is blotted out; in `X-Amz-*` headers, the log, and bodies of errors. What the
 * function itself says is its own.
 */
export async function hideAccount(upstream: Response, { target, givenName }: Permit): Promise<Response> {
  const hide = (text: string) => text.replace(ARN, givenName).replaceAll(target.account, HIDDEN);
  const headers = new Headers(upstream.headers);
  for (const [name, value] of upstream.headers) {
    if (name === 'x-amz-log-result') headers.set(name, hideInBase64(value, hide));
    else if (value.includes(target.account)) headers.set(name, hide(value));
  }
  const { status } = upstream;
  if (status < 300 || upstream.body === null) return new Response(upstream.body, { status, headers });
  const body = await readText(upstream.body);
  headers.delete('content-length');
  headers.delete('content-encoding');
  return new Response(body === undefined ? '{}' : hide(body), { status, headers });
}

function hideInBase64(value: string, hide: (text: string) => string): string {
  try {
    return btoa(hide(atob(value)));
  } catch {
    return ''; // nothing that could be read; nothing that could be hidden
  }
}

/** Reads a body as text; undefined when it is too large to be an error of Lambda's. */
async function readText(body: ReadableStream<Uint8Array>): Promise<string | undefined> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > MAX_ERROR_BYTES) return undefined;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
