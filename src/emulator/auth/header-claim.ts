import { refuse } from '../refusal.ts';
import { err, ok, type Result } from '../result.ts';
import { headerValue, type WireHeaders } from '../wire-headers.ts';
import { type Claim, skewSeconds } from './claim.ts';

/** Reads the claim from an `Authorization` header. The messages and their order are the service's. */
export function claimOfHeader(authorization: string, headers: WireHeaders): Result<Claim> {
  const [algorithm = '', rest = ''] = splitOnce(authorization.trim(), ' ');
  if (!algorithm.startsWith('AWS4-')) {
    return err(refuse.identity('MissingAuthenticationTokenException', 'Missing Authentication Token'));
  }
  if (algorithm !== 'AWS4-HMAC-SHA256') return err(unsupportedAlgorithm(algorithm));

  const parameters = new Map<string, string>();
  for (const part of rest.split(/[\s,]+/).filter(Boolean)) {
    const [name, value] = splitOnce(part, '=');
    if (value === undefined) {
      const fault = `'${part}' not a valid key=value pair (missing equal-sign) in Authorization header: '${authorization}'.`;
      return err(refuse.identity('IncompleteSignatureException', fault));
    }
    parameters.set(name, value);
  }

  const amzDate = headerValue(headers, 'x-amz-date') ?? headerValue(headers, 'date');
  const credential = parameters.get('Credential');
  const signature = parameters.get('Signature');
  const names = parameters.get('SignedHeaders');
  if (!credential || !signature || !names || !amzDate) {
    const faults = [
      ...(['Credential', 'Signature', 'SignedHeaders'] as const)
        .filter((name) => !parameters.get(name))
        .map((name) => `Authorization header requires '${name}' parameter. `),
      amzDate ? '' : "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ",
    ];
    return err(refuse.identity('IncompleteSignatureException', `${faults.join('')}Authorization=${authorization}`));
  }

  const signedHeaders = names.split(';');
  return ok({
    credential,
    signedHeaders,
    signature,
    amzDate,
    sessionToken: headerValue(headers, 'x-amz-security-token'),
    sessionTokenSigned: signedHeaders.includes('x-amz-security-token'),
    validSeconds: skewSeconds,
  });
}

/** Refuses a signing algorithm that the service does not support. */
export function unsupportedAlgorithm(algorithm: string) {
  const message = `Unsupported AWS 'algorithm': '${algorithm}' (only AWS4-HMAC-SHA256 for now). `;
  return refuse.identity('IncompleteSignatureException', message);
}

function splitOnce(text: string, at: string): [before: string, after?: string] {
  const index = text.indexOf(at);
  return index < 0 ? [text] : [text.slice(0, index), text.slice(index + 1)];
}
