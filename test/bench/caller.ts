import { createHash } from 'node:crypto';
import { createSigner } from '../../src/upstream/sign.ts';
import { REGION } from './subjects/subject.ts';

/** The headers of a call that a caller has signed (SigV4), good for five minutes. */
export function signHeaders(
  url: string,
  key: { readonly accessKeyId: string; readonly secretAccessKey: string },
  body: Buffer,
): Promise<Record<string, string>> {
  const { origin, pathname } = new URL(url);
  const sign = createSigner({ accessKeyId: key.accessKeyId, secretAccessKey: key.secretAccessKey });
  const bodySha256 = createHash('sha256').update(body).digest('hex');
  const headers = { 'content-type': 'application/json' };
  return sign({ origin, region: REGION, path: pathname, headers, bodySha256 }, new Date());
}
