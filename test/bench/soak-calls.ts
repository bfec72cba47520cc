import { signCall } from './caller.ts';
import { makePayload } from './payload.ts';
import type { CallerKey } from './subjects/postern.ts';

/** One call of the mix, and the answers that are right for it. */
export interface MixedCall {
  readonly kind: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Statuses; one of Postern's own goes with its reason. */
  readonly expected: readonly string[];
}

interface Kind {
  readonly name: string;
  /** Of a hundred calls. */
  readonly share: number;
  readonly functionName: string;
  readonly expected: readonly string[];
  readonly body?: Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signed?: boolean;
  readonly stream?: boolean;
}

const SMALL = makePayload(200);
const LIMITED = ['429 limit-rate', '429 limit-day-requests'];
const type = (name: string) => ({ 'x-amz-invocation-type': name });

/** What tenants of the soak may call. */
export const ALLOWED = ['identity', 'fail', 'throttled', 'stream', 'missing'].map((name) => ({ function: name }));

const KINDS: readonly Kind[] = [
  { name: 'API key', share: 40, functionName: 'identity', expected: ['200', ...LIMITED] },
  { name: 'signed', share: 15, functionName: 'identity', signed: true, expected: ['200', ...LIMITED] },
  { name: '100 KB', share: 5, functionName: 'identity', body: makePayload(100_000), expected: ['200', ...LIMITED] },
  { name: 'Event', share: 8, functionName: 'identity', headers: type('Event'), expected: ['202', ...LIMITED] },
  { name: 'DryRun', share: 5, functionName: 'identity', headers: type('DryRun'), expected: ['204', ...LIMITED] },
  {
    name: 'stream',
    share: 7,
    functionName: 'stream',
    stream: true,
    body: Buffer.from('{"chunks":5,"bytes":1000,"delayMs":2}'),
    expected: ['200', ...LIMITED],
  },
  { name: 'function error', share: 4, functionName: 'fail', expected: ['200', ...LIMITED] },
  { name: 'throttled by Lambda', share: 3, functionName: 'throttled', expected: ['429', ...LIMITED] },
  { name: 'no such function', share: 3, functionName: 'missing', expected: ['404', ...LIMITED] },
  { name: 'not allowed', share: 3, functionName: 'log', expected: ['403 function-not-allowed'] },
  {
    name: 'not JSON',
    share: 3,
    functionName: 'identity',
    body: Buffer.from('{"a":'),
    expected: ['400 payload-not-json', ...LIMITED],
  },
  {
    name: 'wrong type',
    share: 2,
    functionName: 'identity',
    headers: type('Now'),
    expected: ['400 invocation-type', ...LIMITED],
  },
  {
    name: 'forged key',
    share: 2,
    functionName: 'identity',
    expected: ['403 key-unknown', '403 key-mistyped', '403 key-malformed'],
  },
];

function pickKind(random: () => number): Kind {
  let spot = random() * KINDS.reduce((sum, { share }) => sum + share, 0);
  for (const kind of KINDS) {
    spot -= kind.share;
    if (spot < 0) return kind;
  }
  throw new Error('the shares have no sum');
}

/** One call of the mix, with a tenant's key. */
export async function makeCall(origin: string, key: CallerKey, random: () => number): Promise<MixedCall> {
  const { name, functionName, body = SMALL, headers = {}, signed, stream, expected } = pickKind(random);
  const path = stream
    ? `/2021-11-15/functions/${functionName}/response-streaming-invocations`
    : `/2015-03-31/functions/${functionName}/invocations`;
  const apiKey = name === 'forged key' ? `${key.apiKey.slice(0, -12)}${'A'.repeat(12)}` : key.apiKey;
  const identity = signed
    ? await signCall(origin + path, key, body)
    : { 'x-api-key': apiKey, 'content-type': 'application/json' };
  return { kind: name, path, headers: { ...identity, ...headers }, body, expected };
}
