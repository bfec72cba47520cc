import { partitionOf } from '../invoke/region.ts';
import { type Refusal, refuse } from '../refusal.ts';
import { writeAmzDate } from './amz-date.ts';
import type { SignatureClaim } from './claim.ts';

/** Maximum minutes by which a caller's clock may be ahead or behind (recorded from Lambda; other services allow 15). */
export const MAX_SKEW_MINUTES = 5;
const MAX_SKEW_MS = MAX_SKEW_MINUTES * 60_000;

/**
 * Checks the parts of a claim that need neither a secret nor a tenant: the time and the scope, in the service's order and
 * words. A later check decides by the tenant's policy whether the tenant may use the scope's region.
 */
export function checkClaim(claim: SignatureClaim, nowMs: number): Refusal | undefined {
  return checkTime(claim, nowMs) ?? checkScope(claim);
}

function checkTime({ signedAtMs, longDate, expiresSeconds }: SignatureClaim, nowMs: number): Refusal | undefined {
  const windowFrom = (sign: '+' | '-') => {
    const limitMs = nowMs + (sign === '+' ? MAX_SKEW_MS : -MAX_SKEW_MS);
    return `${writeAmzDate(limitMs)} (${writeAmzDate(nowMs)} ${sign} ${MAX_SKEW_MINUTES} min.)`;
  };
  if (signedAtMs > nowMs + MAX_SKEW_MS) {
    return refuse('signature-expired', `Signature not yet current: ${longDate} is still later than ${windowFrom('+')}`);
  }
  if (expiresSeconds === undefined) {
    if (signedAtMs >= nowMs - MAX_SKEW_MS) return undefined;
    return refuse('signature-expired', `Signature expired: ${longDate} is now earlier than ${windowFrom('-')}`);
  }
  const endsAtMs = signedAtMs + expiresSeconds * 1000;
  if (nowMs <= endsAtMs) return undefined;
  const message = `Signature expired: ${writeAmzDate(endsAtMs)} is now earlier than ${writeAmzDate(nowMs)}`;
  return refuse('signature-expired', message);
}

/** The markers that S3 allows in place of a payload hash. The longest has 48 characters. */
const UNSIGNED_PAYLOAD = /^(UNSIGNED-PAYLOAD|STREAMING-[A-Z0-9-]{1,64})/;

const REGION_SENTENCE = 'Credential should be scoped to a valid region. ';

function checkScope({ scope, longDate }: SignatureClaim): Refusal | undefined {
  const sentences: string[] = [];
  if (!partitionOf(scope.region)) sentences.push(REGION_SENTENCE);
  if (scope.service !== 'lambda') sentences.push("Credential should be scoped to correct service: 'lambda'. ");
  if (scope.terminator !== 'aws4_request') {
    sentences.push(`Credential should be scoped with a valid terminator: 'aws4_request', not '${scope.terminator}'. `);
  }
  const date = longDate.slice(0, 8);
  if (scope.date !== date) {
    sentences.push(
      `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '${scope.date}' != '${date}', from '${longDate}'.`,
    );
  }
  return sentences.length > 0 ? refuse('signature-scope', sentences.join('')) : undefined;
}

/** Refuses a scope in a region where the tenant may call no function. The scope never determines the region of a call. */
export const refuseScopeRegion = (): Refusal => refuse('signature-scope', REGION_SENTENCE);

/**
 * Checks that a presigned request lives no longer than the tenant's policy allows. A presigned request without
 * `X-Amz-Expires` lives 5 minutes, like a request signed in a header, or less if the policy allows less.
 */
export function checkPresignedLifetime(
  { form, expiresSeconds, signedAtMs }: Pick<SignatureClaim, 'form' | 'expiresSeconds' | 'signedAtMs'>,
  maxSeconds: number | undefined,
  nowMs: number,
): Refusal | undefined {
  if (form !== 'query' || maxSeconds === undefined) return undefined;
  const isTooLong =
    expiresSeconds === undefined ? nowMs > signedAtMs + maxSeconds * 1_000 : expiresSeconds > maxSeconds;
  return isTooLong ? refuse('presigned-too-long', maxSeconds) : undefined;
}

/**
 * Checks that a payload hash does not mark the payload as unsigned. Lambda accepts no unsigned payload (AWS SigV4, "Create a
 * canonical request": `UNSIGNED-PAYLOAD` and `STREAMING-...` are for S3). Neither do we, because somebody could change an
 * unsigned payload in transit.
 *
 * @param declared the value of `x-amz-content-sha256`, as received.
 */
export function checkPayloadIsSigned(declared: string | undefined): Refusal | undefined {
  const marker = declared === undefined ? undefined : UNSIGNED_PAYLOAD.exec(declared)?.[0];
  return marker === undefined ? undefined : refuse('payload-not-signed', marker);
}
