import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Permit } from '../../src/core/policy/permit.ts';
import { createStopwatch } from '../../src/edge/deadline.ts';
import { passPermitted } from '../../src/gateway/pass-permitted.ts';
import { createRevision } from '../../src/gateway/revise-answer.ts';
import {
  createEventReader,
  EVENT_STREAM,
  encodeComplete,
  encodeMessage,
  type InvokeComplete,
} from '../../src/gateway/stream/event-stream.ts';
import { chooseFormat } from '../../src/gateway/stream/formats.ts';

const ACCOUNT = '123456789012';
const arn = `arn:aws:lambda:eu-west-1:${ACCOUNT}:function:orders-prod:live`;
const permit = (more: Partial<Permit> = {}) =>
  ({
    target: { partition: 'aws', region: 'eu-west-1', account: ACCOUNT, name: 'orders-prod' },
    givenName: 'orders',
    hiddenAccounts: [ACCOUNT],
    errorDetail: 'full',
    ...more,
  }) as Permit;
const revisionOf = (more?: Partial<Permit>) => {
  const revision = createRevision(permit(more));
  if (!revision) throw new Error('nothing is revised');
  return revision;
};
const shown = (revision: ReturnType<typeof revisionOf>) => ({ hiddenAccounts: undefined, ...revision });

describe('createRevision', () => {
  it('is none where nothing is hidden', () => {
    const { hiddenAccounts: _, ...open } = permit();
    expect(createRevision(open as Permit)).toBeUndefined();
    expect(createRevision({ ...open, durableName: { given: 'run', sent: 'run' } } as Permit)).toBeUndefined();
  });

  it('takes the place out of an error, its headers and its log', async () => {
    const upstream = new Response(
      `{"Type":"User","Message":"Function not found: ${arn}, key arn:aws:kms:eu-west-1:${ACCOUNT}:key/1"}`,
      {
        status: 404,
        headers: {
          'x-amzn-errortype': 'ResourceNotFoundException',
          'x-amz-durable-execution-arn': `${arn}/durable-execution/x/1`,
          'x-amz-log-result': btoa(`START ${arn}\nREPORT ${ACCOUNT}`),
          'content-length': '999',
        },
      },
    );
    const hidden = await revisionOf().answer(upstream);
    expect([hidden.status, await hidden.text()]).toEqual([
      404,
      '{"Type":"User","Message":"Function not found: orders, key ************"}',
    ]);
    expect(Object.fromEntries(hidden.headers)).toEqual({
      'content-type': 'text/plain;charset=UTF-8',
      'x-amzn-errortype': 'ResourceNotFoundException',
      'x-amz-durable-execution-arn': 'orders/durable-execution/x/1',
      'x-amz-log-result': btoa('START orders\nREPORT ************'),
    });
  });

  it('leaves what the function itself answers as it is', async () => {
    const body = `{"arn":"${arn}"}`;
    const hidden = await revisionOf().answer(new Response(body, { headers: { 'x-amz-executed-version': '2' } }));
    expect([await hidden.text(), hidden.headers.get('x-amz-executed-version')]).toEqual([body, '2']);
    const failed = await revisionOf().answer(new Response(body, { headers: { 'x-amz-function-error': 'Unhandled' } }));
    expect(await failed.text()).toBe(body);
  });

  it('does not read an endless error into memory', async () => {
    const hidden = await revisionOf().answer(new Response(ACCOUNT.repeat(20_000), { status: 500 }));
    expect(await hidden.text()).toBe('{}');
  });

  it("gives the caller its own name of a durable execution, and not the tenant's form of it", async () => {
    const revision = revisionOf({ durableName: { given: 'run', sent: 'abc-run' } });
    const upstream = new Response('{"message":"DurableExecution abc-run exists"}', {
      status: 409,
      headers: { 'x-amz-durable-execution-arn': `${arn}/durable-execution/abc-run/1` },
    });
    const answer = await revision.answer(upstream);
    expect(await answer.text()).toBe('{"message":"DurableExecution run exists"}');
    expect(answer.headers.get('x-amz-durable-execution-arn')).toBe('orders/durable-execution/run/1');
    expect(shown(revision).text('abc-run')).toBe('run');
  });
});

describe('errorDetail type', () => {
  const revision = revisionOf({ errorDetail: 'type' });
  const failed = async (body: string) => {
    const answer = await revision.answer(new Response(body, { headers: { 'x-amz-function-error': 'Unhandled' } }));
    return JSON.parse(await answer.text()) as { errorType: string; errorMessage: string };
  };

  it.each([
    ['{"errorType":"TypeError","errorMessage":"secret","trace":["at /var/task/index.js:1"]}', 'TypeError'],
    ['{"errorType":"my secret message, spelled as a type","errorMessage":"secret"}', 'Unhandled'],
    ['{"errorMessage":"2026-11-25 Task timed out after 3.00 seconds secret"}', 'Unhandled'],
    ['"secret"', 'Unhandled'],
    ['null', 'Unhandled'],
    ['not JSON: secret', 'Unhandled'],
    [`{"errorType":"E","trace":"${'secret '.repeat(60_000)}"}`, 'Unhandled'],
  ])('leaves of %j only the type', async (body, errorType) => {
    const shownError = await failed(body);
    expect(shownError.errorType).toBe(errorType);
    expect(Object.keys(shownError)).toEqual(['errorType', 'errorMessage']);
    expect(JSON.stringify(shownError)).not.toContain('secret');
  });

  it('leaves an answer without an error as it is', async () => {
    expect(await (await revision.answer(new Response('{"errorType":"x","a":1}'))).text()).toBe(
      '{"errorType":"x","a":1}',
    );
  });

  it('does the same to the end of a stream, and keeps its log', () => {
    expect(
      revision.complete({
        ErrorCode: 'Unhandled',
        ErrorDetails: '{"errorType":"TypeError","errorMessage":"secret","trace":["secret"]}',
        LogResult: btoa('log'),
      }),
    ).toEqual({
      ErrorCode: 'Unhandled',
      ErrorDetails: expect.stringMatching(/^\{"errorType":"TypeError","errorMessage":"The function returned an error/),
      LogResult: btoa('log'),
    });
    expect(JSON.stringify(revision.complete({ ErrorCode: 'a secret', ErrorDetails: 'secret' }))).not.toContain(
      'secret',
    );
    expect(revision.complete({})).toEqual({});
  });
});

describe('B2: a stream to a tenant with published names', () => {
  const secrets = fc.constantFrom(ACCOUNT, arn, `arn:aws:iam::${ACCOUNT}:role/x`, '1', ' ', '"', 'é');
  const text = fc
    .array(fc.oneof(secrets, fc.string({ maxLength: 4 })), { maxLength: 8 })
    .map((parts) => parts.join(''));
  const latin1 = text.map((value) => [...value].map((one) => (one.charCodeAt(0) < 256 ? one : '?')).join(''));
  const frames = fc.record({
    payloads: fc.array(
      fc.oneof(
        fc.uint8Array({ maxLength: 40 }),
        text.map((value) => new TextEncoder().encode(value)),
      ),
      { maxLength: 5 },
    ),
    other: text,
    complete: fc.record({
      ErrorCode: text,
      ErrorDetails: text,
      LogResult: latin1.map((value) => btoa(value)),
      More: fc.array(text),
    }),
  });
  const header = (type: string) => ({ ':event-type': { type: 'string' as const, value: type } });
  const leaks = (value: string) =>
    value.includes(ACCOUNT) || /arn:aws[a-z-]*:[a-z0-9-]*:[a-z0-9-]*:\d{12}:/i.test(value);

  it('has no account id and no ARN but in payloads, which are equal byte for byte, in every format', () => {
    fc.assert(
      fc.property(frames, fc.array(fc.nat(300), { maxLength: 12 }), ({ payloads, other, complete }, cuts) => {
        const chunks = payloads.map((body) => encodeMessage({ headers: header('PayloadChunk'), body }));
        const unknown = encodeMessage({ headers: header(other), body: new TextEncoder().encode(other) });
        const bytes = Uint8Array.from(
          [...chunks, unknown, encodeComplete(complete as InvokeComplete)].flatMap((part) => [...part]),
        );
        const write = (accept: string) => {
          const format = chooseFormat(accept, revisionOf());
          const out: number[] = [];
          let at = 0;
          for (const end of [...cuts.toSorted((a, b) => a - b), bytes.length].map((cut) =>
            Math.min(cut, bytes.length),
          )) {
            for (const piece of format.write(bytes.slice(at, end))) out.push(...piece);
            at = end;
          }
          expect(format.completed).toBe(true);
          return Uint8Array.from(out);
        };
        // Its own format: each chunk's frame as it was, CRCs and lengths right (the reader checks them).
        const own = write(EVENT_STREAM);
        const whole = chunks.flatMap((part) => [...part]);
        expect([...own.subarray(0, whole.length)]).toEqual(whole);
        for (const event of createEventReader()(own.slice(whole.length))) {
          if (event.type === 'complete') {
            const { LogResult = '', ...rest } = event.complete;
            expect(leaks(JSON.stringify(Object.values(rest)).replaceAll('\\"', '"'))).toBe(false);
            expect(leaks(atob(LogResult))).toBe(false);
          } else if (event.type === 'other') expect(leaks(new TextDecoder().decode(event.message.body))).toBe(false);
        }
        const lines = new TextDecoder().decode(write('application/x-ndjson')).trim().split('\n');
        const last = JSON.parse(lines.at(-1) ?? '') as { InvokeComplete: InvokeComplete };
        expect(leaks(last.InvokeComplete.ErrorDetails ?? '')).toBe(false);
        expect(leaks(atob(last.InvokeComplete.LogResult ?? ''))).toBe(false);
        const sse = new TextDecoder().decode(write('text/event-stream'));
        const end = JSON.parse(/data: (.*)\n\n$/.exec(sse)?.[1] ?? '') as InvokeComplete;
        expect(end).toEqual(last.InvokeComplete);
      }),
      { numRuns: 300, seed: 4 },
    );
  });

  it.each([
    EVENT_STREAM,
    'Application/vnd.amazon.EventStream',
    `${EVENT_STREAM}; charset=utf-8`,
    `${EVENT_STREAM} ;v=1`,
  ])('is one however Lambda spells %s', async (type) => {
    const frame = encodeComplete({ ErrorCode: 'X', ErrorDetails: arn, LogResult: btoa(arn) });
    const upstream = new Response(frame, { headers: { 'content-type': type } });
    const call = { left: () => new AbortController().signal, stopwatch: createStopwatch() };
    const passed = await passPermitted(upstream, permit(), 'text/event-stream', call);
    if (typeof passed === 'string') throw new Error(passed);
    const shownTo = await new Response(passed.answer.body).text();
    expect(shownTo).toContain('event: error');
    expect(leaks(shownTo)).toBe(false);
    expect(leaks(atob(/"LogResult":"(.*?)"/.exec(shownTo)?.[1] ?? ''))).toBe(false);
  });

  it('breaks off where its last frame cannot be read: fails closed', () => {
    for (const body of ['null', `"${arn}"`, '[]', `{"ErrorDetails": ${arn}`]) {
      const format = chooseFormat(undefined, revisionOf());
      const frame = encodeMessage({ headers: header('InvokeComplete'), body: new TextEncoder().encode(body) });
      expect(() => format.write(frame)).toThrow();
      expect(format.completed).toBe(false);
    }
  });
});
