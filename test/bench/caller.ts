import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import { REGION } from './subjects/subject.ts';

/** The headers of a call that a caller has signed (SigV4) as an SDK does, good for five minutes. */
export async function signCall(
  url: string,
  { accessKeyId, secretAccessKey }: { readonly accessKeyId: string; readonly secretAccessKey: string },
  body: Buffer,
): Promise<Record<string, string>> {
  const { protocol, host, hostname, pathname } = new URL(url);
  const credentials = { accessKeyId, secretAccessKey };
  const signer = new SignatureV4({ service: 'lambda', region: REGION, credentials, sha256: Sha256 });
  const headers = { host, 'content-type': 'application/json' };
  const signed = await signer.sign({ method: 'POST', protocol, hostname, path: pathname, query: {}, headers, body });
  const { host: _fromUrl, ...rest } = signed.headers;
  return rest;
}
