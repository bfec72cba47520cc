import { describe, expect, it } from 'vitest';
import { parseArguments } from '../../src/core/invoke/arguments.ts';
import { compilePolicy } from '../../src/core/policy/policy.ts';
import { createSender, type Fetch, MAX_WHOLE_PAYLOAD_BYTES, type SendOptions } from '../../src/upstream/send.ts';
import { decide } from '../support/decide.ts';

const permitted = () => {
  const call = parseArguments({
    operation: 'Invoke',
    rawFunctionName: 'f',
    query: new Map(),
    header: () => undefined,
    maxFunctionNameLength: 170,
  });
  if (!call.ok) throw new Error(call.error.message);
  const policy = compilePolicy({ allow: [{ function: 'f' }] });
  const home = { account: '123456789012', region: 'us-east-1' };
  const { outcome: permit } = decide({ policy, home, call: call.value });
  if (!permit.ok) throw new Error(permit.error.message);
  return permit.value;
};

/** Sends a payload of this length to a Lambda that is played by a function. */
async function sendTo(lambda: Fetch, bytes: number, options: SendOptions = {}, timeoutMs = 100) {
  let fetches = 0;
  let released = 0;
  const send = createSender({
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
    endpoint: 'http://lambda.test',
    timeoutMs,
    maxStallMs: 100,
    now: Date.now,
    fetch: (url, init) => {
      fetches++;
      return lambda(url, init);
    },
  });
  const pumps: Promise<unknown>[] = [];
  const sent = await send(
    permitted(),
    { bytes: new Uint8Array(bytes), sha256: '0'.repeat(64) },
    {
      onSent: (count) => {
        released += count;
      },
      waitUntil: (pump) => void pumps.push(pump),
      ...options,
    },
  );
  await Promise.all(pumps);
  return { ...(sent.ok ? { status: sent.value.status } : sent.error), fetches, released };
}

const SHORT = MAX_WHOLE_PAYLOAD_BYTES;
const LONG = 1_000_000;
const body = (init: RequestInit | undefined) => init?.body as ReadableStream;
const abortOf = (init: RequestInit | undefined) =>
  new Promise<never>((_, reject) => init?.signal?.addEventListener('abort', () => reject(new Error('aborted'))));
const never = () => new Promise<never>(() => {});

describe('createSender', () => {
  it.each([SHORT, LONG])('sends %i bytes once, and none of them is held when that is over', async (bytes) => {
    const answer = async (_: unknown, init?: RequestInit) => {
      const { byteLength } = await new Response(init?.body).arrayBuffer();
      return new Response(null, { status: byteLength === bytes ? 200 : 500 });
    };
    expect(await sendTo(answer, bytes)).toMatchObject({ status: 200, fetches: 1, released: bytes });
  });

  it.each<[string, number, Fetch, string, string]>([
    ['no answer comes', SHORT, never, 'upstream-timeout', 'unknown'],
    ['the connection fails', SHORT, () => Promise.reject(new Error('lost')), 'upstream-unreachable', 'unknown'],
    ['the connection fails at once', LONG, () => Promise.reject(new Error('lost')), 'upstream-unreachable', 'no'],
    ['Lambda reads nothing', LONG, (_, init) => abortOf(init), 'upstream-timeout', 'no'],
    [
      'Lambda reads a part and hangs',
      LONG,
      async (_, init) => {
        await body(init).getReader().read();
        return abortOf(init);
      },
      'upstream-timeout',
      'no',
    ],
    [
      'the connection fails behind the last byte',
      LONG,
      async (_, init) => {
        await new Response(init?.body).arrayBuffer();
        throw new Error('lost');
      },
      'upstream-unreachable',
      'unknown',
    ],
    [
      'Lambda reads all and does not answer',
      LONG,
      async (_, init) => {
        await new Response(init?.body).arrayBuffer();
        return never();
      },
      'upstream-timeout',
      'unknown',
    ],
  ])('says whether the function may have started when %s (%i bytes)', async (_, bytes, lambda, reason, started) => {
    const lost = await sendTo(lambda, bytes, {}, 300);
    expect(lost).toMatchObject({ reason, started, fetches: 1, released: bytes });
  });

  it('sends nothing for a caller that has left', async () => {
    const sent = await sendTo(never, SHORT, { signal: AbortSignal.abort() });
    expect(sent).toMatchObject({ reason: 'caller-left', fetches: 0, released: SHORT });
  });

  it('breaks off a payload whose caller leaves before Lambda has it', async () => {
    const leaving = new AbortController();
    const lambda: Fetch = async (_, init) => {
      await body(init).getReader().read();
      leaving.abort();
      return abortOf(init);
    };
    const sent = await sendTo(lambda, LONG, { signal: leaving.signal }, 5_000);
    expect(sent).toMatchObject({ reason: 'caller-left', fetches: 1, released: LONG });
  });

  it('waits for the answer to a payload that Lambda has, though its caller leaves', async () => {
    const leaving = new AbortController();
    const lambda: Fetch = async (_, init) => {
      await new Response(init?.body).arrayBuffer();
      leaving.abort();
      return init?.signal?.aborted ? never() : new Response('late');
    };
    expect(await sendTo(lambda, LONG, { signal: leaving.signal }, 5_000)).toMatchObject({ status: 200 });
  });
});
