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
  /** When it came, as ISO 8601 has it. */
  readonly at: string;
  readonly requestId: string;
  /** The caller's address, as much of it as `POSTERN_LOG_ADDRESS` allows. */
  readonly address?: string | undefined;
  readonly tenant?: TenantId;
  readonly key?: KeyId;
  /** The issuer and subject of a proved token. */
  readonly issuer?: string;
  readonly subject?: string;
  /** As the caller named it. */
  readonly function?: string;
  /** The function that was meant: its name, or its ARN if it is outside the tenant's home. */
  readonly target?: string;
  readonly type?: string;
  readonly status?: number;
  readonly refusal?: string;
  readonly functionError?: string;
  /** The trace id that Lambda got. */
  readonly traceId?: string;
  /** Lambda's own id of the request. */
  readonly upstreamRequestId?: string;
  /** It was sent to Lambda. */
  readonly forwarded?: boolean;
  /** Whether the function of a call without an answer may have started. */
  readonly started?: Started;
  /** Sent though its tenant's ledger could not be reached. */
  readonly uncounted?: boolean;
  readonly bytesIn?: number;
  /** How long it waited for memory for its body, in milliseconds, where it did. */
  readonly waitedMs?: number;
  readonly bytesOut?: number;
  readonly billed?: Billed | undefined;
  /** The answer did not get to its end, at Lambda or because the caller left. */
  readonly brokenOff?: boolean;
  /** The caller had left before the answer's end. */
  readonly callerLeft?: boolean;
  readonly durationMs?: number;
}

/** Only the functions of this file write into a record: to all others it is read-only. */
type OpenRecord = { -readonly [K in keyof CallRecord]: CallRecord[K] };

/** Opens the record of a call that has come. */
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
  // Callers are free to invent names: a function is counted apart only where one of the tenant's rules is about it.
  if (rule && target) {
    const isHome = target.region === home.region && target.account === home.account;
    record.target = isHome ? target.name : arnOf(target);
  }
}

/** Writes down how long a call waited for memory for its body. */
export function recordWait(record: OpenRecord, ms: number): void {
  record.waitedMs = ms;
}

/** Records the length of the body. */
export function recordBody(record: OpenRecord, bytes: number): void {
  record.bytesIn = bytes;
}

/** Writes down that the call goes out. */
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

/** Writes down how the answer ended. */
export function recordEnd(record: OpenRecord, { brokenOff, callerLeft, bytes, functionError }: AnswerEnd): void {
  if (functionError !== undefined) record.functionError = functionError;
  if (brokenOff) record.brokenOff = true;
  if (callerLeft) record.callerLeft = true;
  record.bytesOut = bytes;
}

/** Writes down why the call was refused. */
export function recordRefusal(record: OpenRecord, { reason, started }: Refusal, status: number): void {
  record.status = status;
  record.refusal = reason;
  if (started !== undefined) record.started = started;
}

/** Writes down where the call came from. */
export function recordAddress(record: OpenRecord, address: string | undefined): void {
  record.address = address;
}

/** Writes down how long the call took. */
export function recordDuration(record: OpenRecord, ms: number): void {
  record.durationMs = ms;
}
