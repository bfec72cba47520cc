import { createHash } from 'node:crypto';
import { isJson } from '../../src/gateway/json/is-json.ts';

/** What is done to a payload's bytes, and what could be done instead. */
const WORK: Readonly<Record<string, (bytes: Uint8Array<ArrayBuffer>) => unknown>> = {
  isJson: (bytes) => {
    if (!isJson(bytes)) throw new Error('not JSON');
  },
  'JSON.parse': (bytes) => JSON.parse(new TextDecoder().decode(bytes)),
  createHash: (bytes) => createHash('sha256').update(bytes).digest('hex'),
  'subtle.digest': (bytes) => crypto.subtle.digest('SHA-256', bytes),
};

let held = new Uint8Array(0);

/** Keeps the bytes sent to it, and runs an operation on them a given number of times. The client measures the time. */
export default {
  async fetch(request: Request): Promise<Response> {
    if (request.method === 'POST') {
      held = new Uint8Array(await request.arrayBuffer());
      return new Response('held');
    }
    const { searchParams } = new URL(request.url);
    const work = WORK[searchParams.get('work') ?? ''];
    if (!work) return new Response(Object.keys(WORK).join(' '));
    for (let times = Number(searchParams.get('times')); times > 0; times--) await work(held);
    return new Response('done');
  },
};
