import type { QueryPairs } from '../query.ts';
import { refuse } from '../refusal.ts';
import { err, ok, type Result } from '../result.ts';
import { headerValue, type WireHeaders } from '../wire-headers.ts';
import { type Claim, skewSeconds } from './claim.ts';
import { unsupportedAlgorithm } from './header-claim.ts';

/** Maximum lifetime of a presigned request: a week (AWS, "Authenticating requests: using query parameters"). */
const maxExpiresSeconds = 604_800;

/** Reads the claim from a presigned request's query. The messages about missing parameters are the service's. */
export function claimOfQuery(query: QueryPairs, headers: WireHeaders): Result<Claim> {
  const parameters = new Map(query);
  const algorithm = parameters.get('X-Amz-Algorithm');
  if (algorithm && algorithm !== 'AWS4-HMAC-SHA256') return err(unsupportedAlgorithm(algorithm));

  const credential = parameters.get('X-Amz-Credential');
  const signature = parameters.get('X-Amz-Signature');
  const names = parameters.get('X-Amz-SignedHeaders');
  const amzDate = parameters.get('X-Amz-Date');
  if (!algorithm || !credential || !signature || !names || !amzDate) {
    const faults = required
      .filter((name) => !parameters.get(name))
      .map((name) => `AWS query-string parameters must include '${name}'. `);
    const message = `${faults.join('')}Re-examine the query-string parameters.`;
    return err(refuse.identity('IncompleteSignatureException', message));
  }

  const expires = parameters.get('X-Amz-Expires') ?? String(skewSeconds);
  const validSeconds = /^\d{1,6}$/.test(expires) ? Number(expires) : Number.POSITIVE_INFINITY;
  if (validSeconds > maxExpiresSeconds) {
    // Lambda's answer is not recorded, so the wording is ours.
    const message = `X-Amz-Expires must be a number of seconds from 0 to ${maxExpiresSeconds}.`;
    return err(refuse.identity('IncompleteSignatureException', message));
  }

  const signedHeaders = names.split(';');
  const inQuery = parameters.get('X-Amz-Security-Token');
  return ok({
    credential,
    signedHeaders,
    signature,
    amzDate,
    sessionToken: inQuery ?? headerValue(headers, 'x-amz-security-token'),
    sessionTokenSigned: inQuery !== undefined || signedHeaders.includes('x-amz-security-token'),
    validSeconds,
  });
}

const required = ['X-Amz-Algorithm', 'X-Amz-Credential', 'X-Amz-Signature', 'X-Amz-SignedHeaders', 'X-Amz-Date'];
