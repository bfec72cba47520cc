import { createPrivateKey, X509Certificate } from 'node:crypto';
import { usageError } from '../terminal/exit.ts';
import { readInput } from '../terminal/read-input.ts';

/** A certificate chain and its key, as PEM. */
export interface TlsPair {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** The time at which the certificate expires, in the format of `X509Certificate`. */
  readonly validTo: string;
}

/** Reads and checks a certificate and its key, so that the user gets our error message instead of workerd's. */
export async function readTls(certFile: string, keyFile: string): Promise<TlsPair> {
  const [cert, key] = await Promise.all([readInput(certFile), readInput(keyFile)]);
  const certificate = parse(
    () => new X509Certificate(cert),
    `--tls-cert ${certFile} must be a PEM file: the certificate, then the rest of its chain`,
  );
  const privateKey = parse(
    () => createPrivateKey(key),
    `--tls-key ${keyFile} must be a private key in a PEM file, without a passphrase`,
  );
  if (!certificate.checkPrivateKey(privateKey)) {
    throw usageError(`--tls-key ${keyFile} is not the key of the first certificate in --tls-cert ${certFile}`);
  }
  if (Date.parse(certificate.validTo) < Date.now()) {
    throw usageError(`--tls-cert ${certFile} expired on ${certificate.validTo}`);
  }
  return { cert, key, validTo: certificate.validTo };
}

function parse<T>(read: () => T, complaint: string): T {
  try {
    return read();
  } catch {
    throw usageError(complaint);
  }
}
