import { join } from 'node:path';
import { serveWorker } from '../support/workerd.ts';
import { makePayload, type Shape } from './payload.ts';
import { median } from './statistics.ts';

/** How fast the parts of a call are by themselves, on workerd; medians of rounds in turn. */
export interface Parts {
  /** Megabytes a second over 1 MB of JSON, by what is done to it. */
  readonly bytes: readonly { readonly shape: Shape; readonly megabytesPerSecond: Readonly<Record<string, number>> }[];
  /** Microseconds to sign a call of 200 bytes for Lambda, and to prove one of a signed caller. */
  readonly signature: {
    readonly signMicros: number;
    readonly verifyMicros: number;
    readonly ratios: readonly number[];
  };
}

const BYTES = 1_000_000;
const SHAPES: readonly Shape[] = ['orders', 'strings', 'numbers'];

/** Milliseconds of a whole request, timed from outside: workerd's clock does not advance within one. */
async function time(url: string): Promise<number> {
  const startedAt = performance.now();
  const answer = await fetch(url);
  const text = await answer.text();
  if (text !== 'done') throw new Error(`${url} was answered ${answer.status} ${text.slice(0, 200)}`);
  return performance.now() - startedAt;
}

export async function measureParts(rounds: number): Promise<Parts> {
  return { bytes: await measureBytes(rounds), signature: await measureSignature(rounds) };
}

async function measureBytes(rounds: number): Promise<Parts['bytes']> {
  const times = 15;
  const worker = await serveWorker(join(import.meta.dirname, 'bytes-worker.ts'));
  try {
    const works = (await (await fetch(worker.url)).text()).split(' ');
    const results: Parts['bytes'][number][] = [];
    for (const shape of SHAPES) {
      await fetch(worker.url, { method: 'POST', body: new Uint8Array(makePayload(BYTES, shape)) });
      const seen = new Map<string, number[]>(works.map((work) => [work, []]));
      for (let round = -1; round < rounds; round++) {
        for (const [work, rates] of seen) {
          const milliseconds = await time(`${worker.url}/?work=${work}&times=${times}`);
          if (round >= 0) rates.push((BYTES * times) / milliseconds / 1_000); // round -1 warms up
        }
      }
      const megabytesPerSecond = Object.fromEntries([...seen].map(([work, rates]) => [work, median(rates)]));
      results.push({ shape, megabytesPerSecond });
    }
    return results;
  } finally {
    await worker.stop();
  }
}

async function measureSignature(rounds: number): Promise<Parts['signature']> {
  const times = 3_000;
  const worker = await serveWorker(join(import.meta.dirname, 'signature-worker.ts'));
  try {
    const measure = async (what: 'sign' | 'verify') =>
      ((await time(`${worker.url}/${what}?times=${times}`)) * 1_000) / times;
    for (const what of ['sign', 'verify'] as const) await measure(what); // warm
    const signed: number[] = [];
    const verified: number[] = [];
    for (let round = 0; round < rounds; round++) {
      signed.push(await measure('sign'));
      verified.push(await measure('verify'));
    }
    const ratios = verified.map((verify, round) => verify / (signed[round] ?? Number.NaN));
    return { signMicros: median(signed), verifyMicros: median(verified), ratios };
  } finally {
    await worker.stop();
  }
}
