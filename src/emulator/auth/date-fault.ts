import { type Refusal, refuse } from '../refusal.ts';
import { type Claim, skewSeconds } from './claim.ts';

/** Refuses a date that is malformed, expired or too far in the future, in the service's words. Undefined if it is valid. */
export function dateFault({ amzDate, validSeconds }: Claim, nowMs: number): Refusal | undefined {
  const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(amzDate) ?? [];
  const signedAtMs = Date.parse(`${y}-${mo}-${d}T${h}:${mi}:${s}Z`);
  if (Number.isNaN(signedAtMs)) {
    const rule = `Date must be in ISO-8601 'basic format'. Got '${amzDate}'. See http://en.wikipedia.org/wiki/ISO_8601`;
    return refuse.identity('IncompleteSignatureException', rule);
  }
  const now = basicIso(nowMs);
  const oldestMs = nowMs - validSeconds * 1000;
  if (signedAtMs < oldestMs) {
    const span = `(${now} - ${validSeconds / 60} min.)`;
    return refuse.signature(`Signature expired: ${amzDate} is now earlier than ${basicIso(oldestMs)} ${span}`);
  }
  const newestMs = nowMs + skewSeconds * 1000;
  if (signedAtMs > newestMs) {
    const span = `(${now} + ${skewSeconds / 60} min.)`;
    return refuse.signature(`Signature not yet current: ${amzDate} is still later than ${basicIso(newestMs)} ${span}`);
  }
  return undefined;
}

function basicIso(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:]|\.\d+/g, '');
}
