import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';

interface Env {
  readonly UPSTREAM: string;
  readonly SECRET_ACCESS_KEY: string;
}

let signer: SignatureV4 | undefined;

const hex = (bytes: ArrayBuffer) =>
  Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');

/** Signs a request and passes it on, and nothing else: the library's signer, the runtime's digest of the body. */
export default {
  async fetch(request: Request, { UPSTREAM, SECRET_ACCESS_KEY }: Env): Promise<Response> {
    const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: SECRET_ACCESS_KEY };
    signer ??= new SignatureV4({ service: 'lambda', region: 'us-east-1', credentials, sha256: Sha256 });
    const { protocol, host, hostname } = new URL(UPSTREAM);
    const path = request.url.slice(request.url.indexOf('/', 'http://'.length));
    const body = await request.arrayBuffer();
    const headers = {
      host,
      'content-type': request.headers.get('content-type') ?? 'application/json',
      'x-amz-content-sha256': hex(await crypto.subtle.digest('SHA-256', body)),
    };
    const signed = await signer.sign({ method: request.method, protocol, hostname, path, query: {}, headers });
    const { host: _fromUrl, ...rest } = signed.headers;
    return fetch(UPSTREAM + path, { method: request.method, headers: rest, body });
  },
};
