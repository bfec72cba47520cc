import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import type { AwsCredentials } from '../core/settings.ts';

/** What is signed: every header of it, and nothing else. */
export interface Signable {
  readonly origin: string;
  readonly region: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** SHA-256 of the body in hex. */
  readonly bodySha256: string;
}

/** Signs a POST to Lambda (SigV4) and gives back all of its headers. */
export type Sign = (request: Signable, now: Date) => Promise<Record<string, string>>;

/**
 * Makes a signer. The body's hash is handed in, computed by the runtime as the body came; what is left to hash are a
 * few hundred bytes, where the pure-JS SHA-256 saves the promises of the native one. The library keeps the signing key
 * of each day and region.
 */
export function createSigner(credentials: AwsCredentials): Sign {
  const signer = new SignatureV4({ service: 'lambda', region: 'us-east-1', credentials, sha256: Sha256 });
  return async ({ origin, region, path, headers, bodySha256 }, now) => {
    const { protocol, host, hostname } = new URL(origin);
    const signed = await signer.sign(
      {
        method: 'POST',
        protocol,
        hostname,
        path,
        query: {},
        headers: { ...headers, host, 'x-amz-content-sha256': bodySha256 },
      },
      { signingDate: now, signingRegion: region },
    );
    const { host: _fromUrl, ...rest } = signed.headers;
    return rest;
  };
}
