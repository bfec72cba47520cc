import type { KeyId, TenantId } from '../core/identity/ids.ts';
import { MAX_CLAIM_LENGTH, type TokenClaims } from '../core/identity/issuers.ts';
import type { InvokeArguments } from '../core/invoke/arguments.ts';
import type { Billed } from '../core/invoke/report-line.ts';
import type { Decision } from '../core/policy/decide.ts';
import { arnOf } from '../core/policy/pattern.ts';
import type { Refusal, Started } from '../core/refusal.ts';
import type { AnswerEnd } from './answer.ts';

/** A call's line in the access log, complete when the call ends. Holds no secret and no part of a payload. */
export interface CallRecord {
  /** The time when the call arrived, in ISO 8601. */
  readonly at: string;
  readonly requestId: string;
  /** The caller's address, shortened or omitted as `POSTERN_LOG_ADDRESS` demands. */
  readonly address?: string | undefined;
  readonly tenant?: TenantId;
  readonly key?: KeyId;
  /** The issuer and subject of a proved token. */
  readonly issuer?: string;
  readonly subject?: string;
  /** The function name that the caller sent. */
  readonly function?: string;
  /** The function that the call resolves to: its name, or its ARN if it is outside the tenant's home account and region. */
  readonly target?: string;
  readonly type?: string;
  readonly status?: number;
  readonly refusal?: string;
  readonly functionError?: string;
  /** The call's trace id, which is passed on to Lambda. */
  readonly traceId?: string;
  /** Lambda's id for its request. */
  readonly upstreamRequestId?: string;
  /** True if the call was sent to Lambda. */
  readonly forwarded?: boolean;
  /** For a call without an answer: whether the function may have started. */
  readonly started?: Started;
  /** True if the call was sent although its tenant's ledger could not be reached. */
  readonly uncounted?: boolean;
  readonly bytesIn?: number;
  /** Milliseconds that the call waited for memory for its body. Absent if it did not wait. */
  readonly waitedMs?: number;
  readonly bytesOut?: number;
  readonly billed?: Billed | undefined;
  /** True if the answer is incomplete, because Lambda broke it off or the caller left. */
  readonly brokenOff?: boolean;
  /** True if the caller left before the answer ended. */
  readonly callerLeft?: boolean;
  readonly durationMs?: number;
}

/** A writable record. Only the functions of this file write to a record. For all other code, a record is read-only. */
type OpenRecord = { -readonly [K in keyof CallRecord]: CallRecord[K] };

/** Opens the record of a new call. */
export const openRecord = (requestId: string, atMs: number): CallRecord => ({
  at: new Date(atMs).toISOString(),
  requestId,
});

/** Records the tenant and key that a credential names. A token names no key. */
export function recordCaller(record: OpenRecord, tenant: TenantId, key: KeyId | undefined): void {
  record.tenant = tenant;
  if (key !== undefined) record.key = key;
}

/** Records the issuer and subject of a proved token. */
export function recordToken(record: OpenRecord, { issuer, all }: TokenClaims): void {
  record.issuer = issuer;
  if (typeof all.sub === 'string') record.subject = all.sub.slice(0, MAX_CLAIM_LENGTH);
}

/** Records the decision on a call. */
export function recordDecision(
  record: OpenRecord,
  { rule, target, home }: Pick<Decision, 'rule' | 'target' | 'home'>,
  args: InvokeArguments | undefined,
): void {
  if (args) {
    record.function = args.givenName;
    record.type = args.invocationType;
    if (args.traceId !== undefined) record.traceId = args.traceId;
  }
  // Callers can invent names, so usage is counted per function only if one of the tenant's rules decided on that function.
  if (rule && target) {
    const isHome = target.region === home.region && target.account === home.account;
    record.target = isHome ? target.name : arnOf(target);
  }
}

/** Records how long the call waited for memory for its body. */
export function recordWait(record: OpenRecord, ms: number): void {
  record.waitedMs = ms;
}

/** Records the length of the body. */
export function recordBody(record: OpenRecord, bytes: number): void {
  record.bytesIn = bytes;
}

/** Records that the call is sent to Lambda. */
export function recordForwarding(record: OpenRecord, uncounted: boolean): void {
  record.forwarded = true;
  if (uncounted) record.uncounted = true;
}

/** Records the id of Lambda's request. */
export function recordUpstream(record: OpenRecord, { headers }: Response): void {
  record.upstreamRequestId = headers.get('x-amzn-requestid') ?? '';
}

/** Records Lambda's answer: status, function error and bill. */
export function recordAnswer(record: OpenRecord, { status, headers }: Response, billed: Billed | undefined): void {
  record.status = status;
  const functionError = headers.get('x-amz-function-error');
  if (functionError !== null) record.functionError = functionError;
  record.billed = billed;
}

/** Records how the answer ended. */
export function recordEnd(record: OpenRecord, { brokenOff, callerLeft, bytes, functionError }: AnswerEnd): void {
  if (functionError !== undefined) record.functionError = functionError;
  if (brokenOff) record.brokenOff = true;
  if (callerLeft) record.callerLeft = true;
  record.bytesOut = bytes;
}

/** Records why the call was refused. */
export function recordRefusal(record: OpenRecord, { reason, started }: Refusal, status: number): void {
  record.status = status;
  record.refusal = reason;
  if (started !== undefined) record.started = started;
}

/** Records the address that the call came from. */
export function recordAddress(record: OpenRecord, address: string | undefined): void {
  record.address = address;
}

/** Records how long the call took. */
export function recordDuration(record: OpenRecord, ms: number): void {
  record.durationMs = ms;
}
