import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generate } from 'selfsigned';

/** Writes a certificate that vouches for itself and for this machine, and its key. */
export async function makeCertificate(folder: string, name: string, notAfterDate?: Date) {
  const { cert, private: key } = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    ...(notAfterDate && { notBeforeDate: new Date(notAfterDate.getTime() - 86_400_000), notAfterDate }),
    extensions: [
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'gateway.example' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  });
  const [certFile, keyFile] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)];
  await writeFile(certFile, cert);
  await writeFile(keyFile, key, { mode: 0o600 });
  return { certFile, keyFile, cert };
}
