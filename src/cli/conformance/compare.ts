import { createHash } from 'node:crypto';
import type { Case, ExpectedError, Outcome } from './case.ts';
import { payloadOf } from './cases.ts';

/** The verdict on the outcome of a case. */
export type Verdict =
  | { readonly kind: 'pass' }
  | { readonly kind: 'fail'; readonly reasons: readonly string[] }
  | { readonly kind: 'unsupported'; readonly why: string }
  | { readonly kind: 'report'; readonly text: string };

/** The minimum wait that honours `Retry-After: 1`. Timer jitter can make a measured wait slightly shorter than 1 second. */
const SHORTEST_HONOURED_WAIT_SECONDS = 0.95;

/** Compares the outcome that a client reports with a case's expectation. Lists every difference, not only the first. */
export function compareOutcome(expected: Case, outcome: Outcome): Verdict {
  if (outcome.unsupported !== undefined) {
    if (expected.needs?.length) return { kind: 'unsupported', why: outcome.unsupported };
    return { kind: 'fail', reasons: [`every client can run this, yet it says: ${outcome.unsupported}`] };
  }
  if (expected.report === 'retries') return { kind: 'report', text: retriesText(outcome) };
  if (expected.report === 'clock-correction') return { kind: 'report', text: correctionText(outcome) };
  const { error } = expected.expect;
  const reasons = error === undefined ? answerFaults(expected, outcome) : errorFaults(error, outcome);
  return reasons.length === 0 ? { kind: 'pass' } : { kind: 'fail', reasons };
}

function answerFaults({ expect, ...sent }: Case, outcome: Outcome): string[] {
  const { error } = outcome;
  if (error !== undefined) return [`failed with ${error.name} (${error.status ?? 'no status'}): ${error.message}`];
  const faults: string[] = [];
  const same = <T>(what: string, want: T | undefined, got: T | undefined) => {
    if (want !== undefined && want !== got) faults.push(`${what} is ${show(got)}, not ${show(want)}`);
  };
  const answer = answerOf(outcome);
  same('status', expect.status, outcome.status);
  same('executed version', expect.executedVersion, outcome.executedVersion);
  if (outcome.functionError !== expect.functionError) {
    faults.push(`function error is ${show(outcome.functionError)}, not ${show(expect.functionError)}`);
  }
  same('payload', expect.payload, answer.text);
  if (expect.payloadContains !== undefined && !answer.text?.includes(expect.payloadContains)) {
    faults.push(`payload ${show(answer.text)} does not contain ${show(expect.payloadContains)}`);
  }
  same('payload length', expect.payloadBytes, answer.byteLength);
  if (expect.echoesPayload && answer.sha256 !== sha256(payloadOf({ expect, ...sent }) ?? Buffer.alloc(0))) {
    faults.push('the payload that came back is not the one that was sent');
  }
  if (expect.logContains !== undefined && !outcome.log?.includes(expect.logContains)) {
    faults.push(`log ${show(outcome.log)} does not contain ${show(expect.logContains)}`);
  }
  if (expect.chunks !== undefined && (outcome.chunks ?? 0) < expect.chunks) {
    faults.push(`${outcome.chunks ?? 0} chunks arrived, not ${expect.chunks} or more`);
  }
  if (sent.operation === 'InvokeWithResponseStream' && outcome.complete !== true) {
    faults.push('the end of the stream, InvokeComplete, was not seen');
  }
  return faults;
}

function errorFaults(expect: ExpectedError, { error, status }: Outcome): string[] {
  if (error === undefined) return [`succeeded with ${status ?? 'no status'}, but ${expect.names[0]} was expected`];
  const faults: string[] = [];
  if (!expect.names.includes(error.name)) faults.push(`error is ${error.name}, not ${expect.names.join(' or ')}`);
  if (error.status !== expect.status) faults.push(`status is ${error.status ?? 'unknown'}, not ${expect.status}`);
  if (expect.messageContains !== undefined && !error.message.includes(expect.messageContains)) {
    faults.push(`message ${show(error.message)} does not contain ${show(expect.messageContains)}`);
  }
  if (expect.typed && error.typed === false && error.name === expect.names[0]) {
    faults.push(`${error.name} came as a general error, not as the SDK's own class`);
  }
  return faults;
}

/** The text, length and digest of an outcome's payload. A missing payload counts as empty. */
function answerOf({ payloadBase64, payloadSha256, payloadBytes }: Outcome) {
  if (payloadSha256 !== undefined) return { text: undefined, byteLength: payloadBytes, sha256: payloadSha256 };
  const bytes = Buffer.from(payloadBase64 ?? '', 'base64');
  return { text: bytes.toString(), byteLength: bytes.byteLength, sha256: sha256(bytes) };
}

function retriesText({ attempts, waitsSeconds = [], error }: Outcome): string {
  if (error?.status !== 429) return `${error?.name ?? 'no error'} in place of a throttle`;
  if (waitsSeconds.length === 0) return `${attempts ?? '?'}×`;
  const honoured = waitsSeconds.every((wait) => wait >= SHORTEST_HONOURED_WAIT_SECONDS);
  const waits = waitsSeconds.map((wait) => wait.toFixed(1)).join(', ');
  return `${attempts ?? '?'}×, waits ${waits} s: Retry-After ${honoured ? 'honoured' : 'ignored'}`;
}

function correctionText({ error, attempts }: Outcome): string {
  if (error === undefined) return `corrects it${attempts === undefined ? '' : ` (attempt ${attempts})`}`;
  return error.name === 'InvalidSignatureException' ? 'does not' : `${error.name}: ${error.message}`;
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** Formats a value for a message: as JSON, and shortened if it is long. */
function show(value: unknown): string {
  const text = value === undefined ? 'absent' : JSON.stringify(value);
  return text.length <= 160 ? text : `${text.slice(0, 150)}... (${text.length} characters)`;
}
