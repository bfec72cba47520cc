import { createPrivateKey, X509Certificate } from 'node:crypto';
import { resolve } from 'node:path';
import { usageError } from '../exit.ts';
import { readInput } from '../read-input.ts';

/** PEM files, absolute paths. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** Checks a certificate and its key, which workerd would refuse in words of its own; it reads them when it starts. */
export async function readTls(cert: string, key: string): Promise<TlsFiles> {
  const [certFile, keyFile] = [resolve(cert), resolve(key)];
  const [certText, keyText] = await Promise.all([readInput(certFile), readInput(keyFile)]);
  const certificate = parse(
    () => new X509Certificate(certText),
    `--tls-cert ${cert} must be a PEM file: the certificate, and behind it those that vouch for it`,
  );
  const privateKey = parse(
    () => createPrivateKey(keyText),
    `--tls-key ${key} must be a private key in a PEM file, without a passphrase`,
  );
  if (!certificate.checkPrivateKey(privateKey)) {
    throw usageError(`--tls-key ${key} is not the key of the first certificate in --tls-cert ${cert}`);
  }
  if (Date.parse(certificate.validTo) < Date.now()) {
    throw usageError(`--tls-cert ${cert} expired on ${certificate.validTo}`);
  }
  return { certFile, keyFile };
}

function parse<T>(read: () => T, complaint: string): T {
  try {
    return read();
  } catch {
    throw usageError(complaint);
  }
}
