import { EventStreamCodec } from '@smithy/core/event-streams';
import { describe, expect, it } from 'vitest';
import { chooseFormat } from '../../../src/gateway/stream/formats.ts';
import { passStream } from '../../../src/gateway/stream/pass-stream.ts';

const utf8 = new TextEncoder();
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const codec = new EventStreamCodec(
  (bytes) => text(bytes as Uint8Array),
  (value) => utf8.encode(value),
);

const frame = (type: string, body: Uint8Array) =>
  codec.encode({ headers: { ':event-type': { type: 'string', value: type } }, body });
const chunk = (payload: string | Uint8Array) =>
  frame('PayloadChunk', typeof payload === 'string' ? utf8.encode(payload) : payload);
const complete = (document: object = {}) => frame('InvokeComplete', utf8.encode(JSON.stringify(document)));
const concat = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));

/** A stream that gives these bytes in pieces, and then ends or breaks. */
const upstreamOf = (bytes: Uint8Array, { size = 7, breaks = false } = {}) => {
  let at = 0;
  return new ReadableStream({
    type: 'bytes',
    pull(controller: ReadableByteStreamController) {
      if (at < bytes.length) {
        controller.enqueue(bytes.slice(at, at + size));
        at += size;
      } else if (breaks) controller.error(new Error('Network connection lost.'));
      else controller.close();
    },
  });
};

/** What a caller who asks by this `Accept` gets, and whether it ended well for it. */
async function pass(bytes: Uint8Array, accept?: string, how?: Parameters<typeof upstreamOf>[1]) {
  const format = chooseFormat(accept);
  const { readable, ended } = passStream(upstreamOf(bytes, how), format);
  const received: Uint8Array[] = [];
  let broken = false;
  try {
    for await (const piece of readable as unknown as AsyncIterable<Uint8Array>) received.push(piece);
  } catch {
    broken = true;
  }
  return { type: format.contentType, bytes: concat(...received), broken, complete: (await ended).complete };
}

/** The events of an event stream, by the library. */
function eventsOf(bytes: Uint8Array) {
  const events: [unknown, string][] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(0);
    const { headers, body } = codec.decode(bytes.subarray(at, at + length));
    events.push([headers[':event-type']?.value, text(body)]);
    at += length;
  }
  return events;
}

describe('a stream in its own format', () => {
  const whole = concat(chunk('one'), chunk('x'.repeat(3000)), complete({ LogResult: 'bG9n' }));

  it('goes on byte for byte, in pieces of any size', async () => {
    for (const size of [1, 7, 100, 100_000]) {
      const passed = await pass(whole, undefined, { size });
      expect(passed).toEqual({
        type: 'application/vnd.amazon.eventstream',
        bytes: whole,
        broken: false,
        complete: true,
      });
    }
  });

  it('is ended as the service would when it breaks between two frames', async () => {
    const begun = concat(chunk('one'), chunk('two'));
    for (const breaks of [true, false]) {
      const passed = await pass(begun, undefined, { breaks });
      expect([passed.broken, passed.complete]).toEqual([false, false]);
      const events = eventsOf(passed.bytes);
      expect(events.map(([type]) => type)).toEqual(['PayloadChunk', 'PayloadChunk', 'InvokeComplete']);
      expect(JSON.parse(events[2]?.[1] ?? '')).toMatchObject({ ErrorCode: 'ServiceException' });
    }
  });

  it('breaks off too when it breaks within a frame', async () => {
    const passed = await pass(whole.subarray(0, whole.length - 20), undefined, { breaks: true });
    expect([passed.broken, passed.complete]).toEqual([true, false]);
  });

  it('does not take a chunk that says InvokeComplete for the end', async () => {
    const passed = await pass(chunk('InvokeComplete'), undefined, { breaks: true });
    expect(eventsOf(passed.bytes).map(([type]) => type)).toEqual(['PayloadChunk', 'InvokeComplete']);
    expect(passed.complete).toBe(false);
  });

  it('that is no event stream at all breaks off', async () => {
    expect(await pass(utf8.encode('<html>'), undefined)).toMatchObject({ broken: true, complete: false });
    expect(await pass(new Uint8Array(40), undefined)).toMatchObject({ complete: false });
  });
});

describe('a stream as server-sent events', () => {
  it('has a message for each chunk, also of several lines, and says that it is complete', async () => {
    const passed = await pass(
      concat(chunk('one'), chunk('a\nb\r\nc'), complete({ LogResult: 'bG9n' })),
      'text/event-stream',
    );
    expect([passed.type, passed.complete]).toEqual(['text/event-stream', true]);
    expect(text(passed.bytes)).toBe(
      'data: one\n\ndata: a\ndata: b\ndata: c\n\nevent: complete\ndata: {"LogResult":"bG9n"}\n\n',
    );
  });

  it('keeps a character whole that two chunks share', async () => {
    const bytes = utf8.encode('é');
    const passed = await pass(concat(chunk(bytes.slice(0, 1)), chunk(bytes.slice(1)), complete()), 'text/event-stream');
    expect(text(passed.bytes)).toBe('data: \n\ndata: é\n\nevent: complete\ndata: {}\n\n');
  });

  it("shows the function's error and a broken connection", async () => {
    const failed = await pass(
      concat(chunk('one'), complete({ ErrorCode: 'Unhandled', ErrorDetails: 'x' })),
      'text/event-stream',
    );
    expect(text(failed.bytes)).toContain('event: error\ndata: {"ErrorCode":"Unhandled","ErrorDetails":"x"}\n\n');
    const broken = await pass(chunk('one'), 'text/event-stream', { breaks: true });
    expect(text(broken.bytes)).toContain('event: error\ndata: {"ErrorCode":"ServiceException"');
    expect(broken.broken).toBe(false);
  });
});

describe('a stream as lines', () => {
  it('has one line of JSON for each event', async () => {
    const passed = await pass(concat(chunk('a\nb'), complete({ ErrorCode: 'Unhandled' })), 'application/x-ndjson; q=1');
    expect(
      text(passed.bytes)
        .split('\n')
        .map((line) => line && JSON.parse(line)),
    ).toEqual([{ PayloadChunk: { Payload: 'a\nb' } }, { InvokeComplete: { ErrorCode: 'Unhandled' } }, '']);
  });
});

describe('a stream as raw bytes', () => {
  const binary = Uint8Array.from({ length: 300 }, (_, at) => at & 0xff);

  it('is the payload and nothing else', async () => {
    const passed = await pass(concat(chunk(binary), chunk('end'), complete()), 'application/octet-stream');
    expect(passed).toMatchObject({ broken: false, complete: true });
    expect([...passed.bytes]).toEqual([...binary, ...utf8.encode('end')]);
  });

  it('breaks off when the function fails or the connection does', async () => {
    const failed = concat(chunk('begun'), complete({ ErrorCode: 'Unhandled' }));
    expect(await pass(failed, 'application/octet-stream')).toMatchObject({ broken: true, complete: false });
    expect(await pass(chunk('begun'), 'application/octet-stream', { breaks: true })).toMatchObject({ broken: true });
  });
});

describe('chooseFormat', () => {
  it.each([
    [undefined, 'application/vnd.amazon.eventstream'],
    ['*/*', 'application/vnd.amazon.eventstream'],
    ['application/vnd.amazon.eventstream, text/event-stream', 'application/vnd.amazon.eventstream'],
    ['text/html, Text/Event-Stream;q=0.9', 'text/event-stream'],
    ['application/x-ndjson', 'application/x-ndjson'],
    ['application/octet-stream', 'application/octet-stream'],
    ['constructor', 'application/vnd.amazon.eventstream'],
  ])('writes for Accept %j %s', (accept, type) => {
    expect(chooseFormat(accept).contentType).toBe(type);
  });
});

describe('A3, A10: a stream whose caller has reset its connection, or whose Lambda is silent', () => {
  const whole = concat(chunk('one'), chunk('x'.repeat(200_000)), complete());

  it.each(['before', 'while'])('is read to its end when the caller leaves %s it comes', async (when) => {
    const leaving = new AbortController();
    if (when === 'before') leaving.abort();
    const { ended } = passStream(upstreamOf(whole, { size: 10_000 }), chooseFormat(undefined), {
      left: leaving.signal,
    });
    leaving.abort();
    // The runtime drops the answer: nobody reads it, and nobody cancels it.
    expect(await ended).toEqual({ complete: true, functionEnded: true, callerLeft: true, bytes: whole.length });
  });

  it('ends when nothing has come for longer than a function can run', async () => {
    const silent = new ReadableStream({ type: 'bytes' });
    const { readable, ended } = passStream(silent, chooseFormat(undefined), { maxSilenceMs: 30 });
    const [[type, body] = []] = eventsOf(new Uint8Array(await new Response(readable).arrayBuffer()));
    expect([type, body]).toEqual(['InvokeComplete', expect.stringContaining('ServiceException')]);
    expect(await ended).toMatchObject({ complete: false, functionEnded: true, callerLeft: false });
  });
});

describe('D13: server-sent events', () => {
  const read = async (...payloads: readonly string[]) => {
    const passed = await pass(concat(...payloads.map(chunk), complete()), 'text/event-stream');
    return text(passed.bytes).replace('event: complete\ndata: {}\n\n', '');
  };

  it('take a CR and the LF of the next chunk for one line end', async () => {
    expect(await read('x\r', '\ny')).toBe('data: x\n\ndata: \ndata: y\n\n');
    expect(await read('x\r', '', '\ny')).toBe('data: x\n\ndata: \ndata: y\n\n');
  });

  it('lose no line end that is a CR alone, at the end of a chunk or of the stream', async () => {
    expect(await read('x\r', 'y')).toBe('data: x\n\ndata: \ndata: y\n\n');
    expect(await read('x\r', '\r')).toBe('data: x\n\ndata: \ndata: \n\ndata: \ndata: \n\n');
    expect(await read('x\r')).toBe('data: x\n\ndata: \ndata: \n\n');
  });
});
