import { createHash, createHmac } from 'node:crypto';

/** The four parts of a credential scope that a signing key is derived from. */
export interface Scope {
  readonly date: string;
  readonly region: string;
  readonly service: string;
  readonly terminator: string;
}

/** Computes the hex signature of a canonical request (AWS, "Create a signed AWS API request", steps 2 to 4). */
export function signatureOf(secretAccessKey: string, scope: Scope, amzDate: string, canonicalRequest: string): string {
  const steps = [scope.date, scope.region, scope.service, scope.terminator];
  const hash = createHash('sha256').update(canonicalRequest, 'latin1').digest('hex');
  const stringToSign = ['AWS4-HMAC-SHA256', amzDate, steps.join('/'), hash].join('\n');
  let key: string | Buffer = `AWS4${secretAccessKey}`;
  for (const step of steps) key = createHmac('sha256', key).update(step).digest();
  return createHmac('sha256', key).update(stringToSign).digest('hex');
}
