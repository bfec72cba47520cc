import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Case, Expectation, Outcome } from '../../src/cli/conformance/case.ts';
import { compareOutcome } from '../../src/cli/conformance/compare.ts';

type Sent = Partial<Omit<Case, 'expect'>>;
const verdictOf = (expect: Expectation, outcome: Omit<Outcome, 'id'>, sent: Sent = {}) =>
  compareOutcome(
    { id: 'one', title: 'a case', operation: 'Invoke', function: 'hello', ...sent, expect },
    { id: 'one', ...outcome },
  );
const reasonsOf = (expect: Expectation, outcome: Omit<Outcome, 'id'>, sent: Sent = {}) => {
  const verdict = verdictOf(expect, outcome, sent);
  return verdict.kind === 'fail' ? verdict.reasons : verdict;
};
const base64 = (text: string) => Buffer.from(text).toString('base64');
const pass = { kind: 'pass' };

describe('compareOutcome of an answer', () => {
  it('passes what is as expected, and does not mind what the case is silent on', () => {
    const expect_ = { status: 200, executedVersion: '2', payload: '{"a":1}' };
    const outcome = { status: 200, executedVersion: '2', payloadBase64: base64('{"a":1}'), log: 'any', attempts: 1 };
    expect(verdictOf(expect_, outcome)).toEqual(pass);
  });

  it('says every difference, not the first', () => {
    const outcome = { status: 202, payloadBase64: base64('{"b":2}') };
    expect(reasonsOf({ status: 200, executedVersion: '2', payload: '{"a":1}', logContains: 'x' }, outcome)).toEqual([
      'status is 202, not 200',
      'executed version is absent, not "2"',
      'payload is "{\\"b\\":2}", not "{\\"a\\":1}"',
      'log absent does not contain "x"',
    ]);
  });

  it('fails a function error that nobody expected, and the want of one that was', () => {
    expect(reasonsOf({ status: 200 }, { status: 200, functionError: 'Unhandled' })).toHaveLength(1);
    expect(reasonsOf({ functionError: 'Unhandled' }, { status: 200 })).toHaveLength(1);
  });

  it('fails an error where an answer was expected', () => {
    const error = { name: 'ServiceException', status: 502, message: 'no' };
    expect(reasonsOf({ status: 200 }, { error })).toEqual(['failed with ServiceException (502): no']);
  });

  it('takes an answer without a payload for an empty one', () => {
    expect(verdictOf({ payloadBytes: 0 }, { status: 202 })).toEqual(pass);
    expect(reasonsOf({ payloadBytes: 3 }, {})).toEqual(['payload length is 0, not 3']);
  });

  it('knows an echo by its bytes, or by the digest of a large one', () => {
    const digest = createHash('sha256').update('"xx"').digest('hex');
    const echo = { echoesPayload: true } as const;
    expect(verdictOf(echo, { payloadBase64: base64('{}') }, { payload: '{}' })).toEqual(pass);
    expect(verdictOf(echo, { payloadSha256: digest, payloadBytes: 4 }, { payloadBytes: 4 })).toEqual(pass);
    expect(reasonsOf(echo, { payloadSha256: digest, payloadBytes: 5 }, { payloadBytes: 5 })).toHaveLength(1);
  });

  it('wants all chunks of a stream, and its end', () => {
    const operation = 'InvokeWithResponseStream';
    expect(verdictOf({ chunks: 2 }, { chunks: 3, complete: true }, { operation })).toEqual(pass);
    expect(reasonsOf({ chunks: 2 }, { chunks: 1 }, { operation })).toEqual([
      '1 chunks arrived, not 2 or more',
      'the end of the stream, InvokeComplete, was not seen',
    ]);
  });
});

describe('compareOutcome of an error', () => {
  const names = ['RequestTooLargeException', 'RequestEntityTooLargeException'];
  const error = { name: 'RequestTooLargeException', status: 413, message: 'too large', typed: true };

  it('passes any of the names', () => {
    const other = { ...error, name: 'RequestEntityTooLargeException', typed: false };
    for (const one of [error, other]) {
      expect(verdictOf({ error: { names, status: 413, typed: true } }, { error: one })).toEqual(pass);
    }
  });

  it('wants the class of the first name, but only of an SDK that has classes', () => {
    const expected = { error: { names, status: 413, typed: true } } as const;
    const { typed: _, ...untold } = error;
    expect(reasonsOf(expected, { error: { ...error, typed: false } })).toHaveLength(1);
    expect(verdictOf(expected, { error: untold })).toEqual(pass);
  });

  it('fails another name, status or message, and success', () => {
    const expected = { error: { names, status: 413, messageContains: 'bytes' } };
    expect(reasonsOf(expected, { error: { name: 'Other', message: 'no' } })).toEqual([
      'error is Other, not RequestTooLargeException or RequestEntityTooLargeException',
      'status is unknown, not 413',
      'message "no" does not contain "bytes"',
    ]);
    expect(reasonsOf(expected, { status: 200 })).toEqual([
      'succeeded with 200, but RequestTooLargeException was expected',
    ]);
  });
});

describe('compareOutcome of what is neither', () => {
  it('lets a client lack only what a case says may be lacking', () => {
    const outcome = { unsupported: 'no streams' };
    expect(verdictOf({}, outcome, { needs: ['stream'] })).toEqual({ kind: 'unsupported', why: 'no streams' });
    expect(reasonsOf({}, outcome)).toEqual(['every client can run this, yet it says: no streams']);
  });

  const throttle = { name: 'TooManyRequestsException', status: 429, message: 'Rate Exceeded.' };
  it.each([
    ['honoured', [1.0, 1.9], '3×, waits 1.0, 1.9 s: Retry-After honoured'],
    ['ignored by one wait of two', [0.2, 1.9], '3×, waits 0.2, 1.9 s: Retry-After ignored'],
    ['not put to the test by a single attempt', [], '3×'],
  ])('reports a Retry-After that is %s', (_, waitsSeconds, text) => {
    const outcome = { error: throttle, attempts: 3, waitsSeconds };
    expect(verdictOf({}, outcome, { report: 'retries' })).toEqual({ kind: 'report', text });
  });

  it('reports whether the client corrected its clock', () => {
    const sent = { report: 'clock-correction' } as const;
    const error = { name: 'InvalidSignatureException', status: 403, message: 'Signature expired' };
    expect(verdictOf({}, { status: 200, attempts: 2 }, sent)).toEqual({
      kind: 'report',
      text: 'corrects it (attempt 2)',
    });
    expect(verdictOf({}, { error }, sent)).toEqual({ kind: 'report', text: 'does not' });
  });
});
