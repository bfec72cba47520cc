import { describe, expect, it } from 'vitest';
import { mapIdentityError, passAnswer as pass } from '../../src/gateway/answer.ts';

const passAnswer = async (upstream: Response) => {
  const passed = await pass(upstream);
  if (typeof passed === 'string') throw new Error(passed);
  const { status, headers, body } = passed.answer;
  return { response: new Response(body, { status, headers }), ended: passed.ended };
};

const forbidden = (type?: string) =>
  new Response('{}', { status: 403, headers: type === undefined ? {} : { 'x-amzn-errortype': type } });

describe('mapIdentityError', () => {
  it.each([
    'InvalidSignatureException',
    'UnrecognizedClientException',
    'ExpiredTokenException',
    'MissingAuthenticationTokenException',
    'IncompleteSignatureException',
    'SomethingNewException',
    undefined,
  ])('takes a 403 %s for a mistake with our own credentials', (type) => {
    expect(mapIdentityError(forbidden(type), 'f')?.reason).toBe('upstream-credentials');
  });

  it('gives a denial our own wording, without the ARN of our role', () => {
    const upstream = new Response('{"Message":"User: arn:aws:sts::123456789012:assumed-role/r is not ..."}', {
      status: 403,
      headers: { 'x-amzn-errortype': 'AccessDeniedException:http://internal.amazon.com/coral/' },
    });
    const refusal = mapIdentityError(upstream, 'orders');
    expect(refusal?.reason).toBe('upstream-access-denied');
    expect(refusal?.message).not.toContain('arn:');
    expect(refusal?.message).toContain('orders');
  });

  it.each(['EFSMountFailureException', 'S3FilesMountFailureException'])("passes the function's own %s", (type) => {
    expect(mapIdentityError(forbidden(type), 'f')).toBeUndefined();
  });

  it('passes every other status', () => {
    for (const status of [200, 400, 404, 429, 500, 502]) {
      expect(mapIdentityError(new Response(null, { status }), 'f')).toBeUndefined();
    }
  });
});

describe('passAnswer', () => {
  it('passes status, body and the headers of the service, and nothing else', async () => {
    const upstream = new Response('{"ok":true}', {
      status: 200,
      headers: {
        'content-type': 'application/json',
        'content-length': '11',
        date: 'Sat, 02 Mar 2024 18:59:37 GMT',
        'x-amzn-requestid': 'id',
        'x-amzn-remapped-content-length': '0',
        'x-amz-executed-version': '$LATEST',
        'x-amz-function-error': 'Unhandled',
        'x-amz-log-result': 'bG9n',
        'retry-after': '3',
        'set-cookie': 'a=b',
        connection: 'keep-alive',
        server: 'somebody',
        'x-internal': 'secret',
      },
    });
    const { response, ended } = await passAnswer(upstream);
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toEqual({
      'content-type': 'application/json',
      date: 'Sat, 02 Mar 2024 18:59:37 GMT',
      'x-amzn-requestid': 'id',
      'x-amzn-remapped-content-length': '0',
      'x-amz-executed-version': '$LATEST',
      'x-amz-function-error': 'Unhandled',
      'x-amz-log-result': 'bG9n',
      'retry-after': '3',
    });
    expect(await response.text()).toBe('{"ok":true}');
    await ended;
  });

  it('streams: the first bytes come before the last are made', async () => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const { response, ended } = await passAnswer(new Response(readable));
    const reader = response.body?.getReader();
    void writer.write(new TextEncoder().encode('first'));
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('first');
    void writer.write(new TextEncoder().encode('second'));
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('second');
    void writer.close();
    expect((await reader?.read())?.done).toBe(true);
    await ended;
  });

  it('reads a short answer whole, and knows its end at once', async () => {
    const { response, ended } = await passAnswer(new Response('{}', { headers: { 'content-length': '2' } }));
    expect(ended).toEqual({ brokenOff: false, functionEnded: true, callerLeft: false, bytes: 2 });
    expect(await response.text()).toBe('{}');
  });

  it('says of a short answer that breaks off that it did', async () => {
    const { readable, writable } = new FixedLengthStream(10);
    const writer = writable.getWriter();
    writer.write(new Uint8Array(5)).catch(() => {});
    writer.abort(new Error('gone')).catch(() => {});
    expect(await pass(new Response(readable, { headers: { 'content-length': '10' } }))).toBe('broken-off');
  });

  /** A body of this length of which only a part ever comes, and whether somebody still wants it. */
  const halfOf = (length: number) => {
    const { readable, writable } = new FixedLengthStream(length);
    const writer = writable.getWriter();
    const dropped = writer.closed.then(
      () => false,
      () => true,
    );
    writer.write(new Uint8Array(length / 2)).catch(() => {});
    return { upstream: new Response(readable, { headers: { 'content-length': String(length) } }), dropped };
  };

  it('A10: gives up on a short answer that stops half-way', async () => {
    expect(await pass(halfOf(10).upstream, { maxStallMs: 30 })).toBe('stalled');
  });

  it('A10: breaks a long answer off that stops half-way', async () => {
    const { upstream } = halfOf(1_000_000);
    const passed = await pass(upstream, { maxStallMs: 30 });
    if (typeof passed === 'string') throw new Error(passed);
    const { status, headers, body } = passed.answer;
    await expect(new Response(body, { status, headers }).arrayBuffer()).rejects.toThrow();
    expect(await passed.ended).toMatchObject({ brokenOff: true, functionEnded: true, callerLeft: false });
  });

  it.each([false, true])('A3: ends when the caller has reset its connection, before or after: %s', async (after) => {
    const { upstream, dropped } = halfOf(1_000_000);
    const leaving = new AbortController();
    if (!after) leaving.abort();
    const passed = await pass(upstream, { left: () => leaving.signal });
    if (typeof passed === 'string') throw new Error(passed);
    leaving.abort();
    // The runtime drops the answer: nobody reads it, and nobody cancels it.
    expect(await passed.ended).toMatchObject({ brokenOff: true, functionEnded: true, callerLeft: true });
    expect(await dropped).toBe(true);
  });

  it('sees the end also when the caller leaves', async () => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const { response, ended } = await passAnswer(new Response(readable));
    await response.body?.cancel();
    await writer.write(new TextEncoder().encode('late')).catch(() => {});
    await ended;
  });

  it('answers an empty body with none', async () => {
    for (const status of [202, 204]) {
      const { response } = await passAnswer(new Response(null, { status }));
      expect([response.status, response.body]).toEqual([status, null]);
    }
  });

  it('does not take a status that is not one of HTTP for an answer', async () => {
    for (const status of [101, 999]) {
      const odd = Object.defineProperty(new Response(null), 'status', { value: status });
      expect(await pass(odd)).toBe('not-http');
    }
  });
});
