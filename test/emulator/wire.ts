import { request } from 'node:http';
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';

/** The key pair that the emulators of these tests trust. */
export const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'not-so-secret' };

/** One request, to the byte. */
export interface Sent {
  readonly method?: string;
  /** Path and query as they go out. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** What came back; the headers in the order and case of the wire. */
export interface Reply {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly header: (name: string) => string | undefined;
  readonly body: Buffer;
  readonly text: string;
}

/** Sends a request over a socket, unchanged. */
export function exchange(port: number, sent: Sent): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const { method = 'POST', path, headers = {}, body = '' } = sent;
    const length = { 'content-length': String(Buffer.byteLength(body)) };
    const outgoing = request({ host: '127.0.0.1', port, method, path, headers: { ...length, ...headers } });
    outgoing.on('error', reject).on('response', (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('error', reject).on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        const raw = incoming.rawHeaders;
        const pairs = raw.flatMap((name, i) => (i % 2 === 0 ? [[name, raw[i + 1] ?? ''] as const] : []));
        const all = Buffer.concat(chunks);
        resolve({
          status: incoming.statusCode ?? 0,
          headers: pairs,
          header: (wanted) => pairs.find(([name]) => name === wanted)?.[1],
          body: all,
          text: all.toString(),
        });
      });
    });
    outgoing.end(body);
  });
}

/** How a request is signed where it should differ from the usual. */
export interface Signing {
  readonly credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  readonly region?: string;
  readonly service?: string;
  readonly date?: Date;
}

/** Signs a request with AWS's own signer. */
export async function sign(port: number, sent: Sent, signing: Signing = {}): Promise<Sent> {
  const { method = 'POST', path, body = '' } = sent;
  const url = new URL(path, `http://127.0.0.1:${port}`);
  const signer = new SignatureV4({
    credentials: signing.credentials ?? credentials,
    region: signing.region ?? 'us-east-1',
    service: signing.service ?? 'lambda',
    sha256: Sha256,
  });
  const { headers } = await signer.sign(
    {
      method,
      protocol: 'http:',
      hostname: url.hostname,
      port,
      path: path.split('?')[0] ?? path,
      query: Object.fromEntries(url.searchParams),
      headers: { host: url.host, ...sent.headers },
      body,
    },
    signing.date ? { signingDate: signing.date } : {},
  );
  return { ...sent, headers };
}

/** Signs a request and sends it. */
export async function call(port: number, sent: Sent, signing: Signing = {}): Promise<Reply> {
  return exchange(port, await sign(port, sent, signing));
}

/** The path of a synchronous call. */
export function invocations(functionName: string): string {
  return `/2015-03-31/functions/${encodeURIComponent(functionName)}/invocations`;
}
