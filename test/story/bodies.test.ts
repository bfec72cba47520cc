import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { MAX_WAIT_MS } from '../../src/core/body-memory/limits.ts';
import { admin, invokePath, makeTenant, send, takeCalls } from '../support/postern.ts';
import { forgeCall, type KeyPair, signCall } from '../support/sign.ts';
import { type SlowUpload, startUpload, type UploadHead } from '../support/upload.ts';
import { usePostern } from '../support/use-postern.ts';

const isProof = process.env.POSTERN_PROVE === '1';
const LARGEST = 6_291_456;
const postern = usePostern();

interface Tenant extends KeyPair {
  readonly id: string;
  readonly apiKey: string;
}
async function makeCaller(): Promise<Tenant> {
  const { id } = await makeTenant(postern, [{ function: '*' }]);
  const { body } = await admin<KeyPair & { apiKey: string }>(postern, 'POST', `/tenants/${id}/keys`, {});
  return { ...body, id };
}

const host = () => new URL(postern.gateway).host;
const jsonOf = (bytes: number) => `"${'x'.repeat(bytes - 2)}"`;
/** A call with a key, answered by status and reason. */
const byKey = async ({ apiKey }: Tenant, body: string | Iterable<Buffer> = '{}', name = 'hello') => {
  const headers = { 'x-api-key': apiKey, 'content-type': 'application/json' };
  const answer = await send(postern.gateway, invokePath(name), { headers, body });
  return `${answer.status} ${answer.headers['x-postern-refusal'] ?? ''}`.trim();
};
const signed = async (pair: KeyPair, body = '{}') => {
  const { path, headers } = signCall(host(), pair, {
    path: invokePath('hello'),
    headers: { 'content-type': 'application/json' },
    body,
  });
  const answer = await send(postern.gateway, path, { headers, body });
  return `${answer.status} ${answer.headers['x-postern-refusal'] ?? ''}`.trim();
};
const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, n) => make(n));
const served = (count: number) => times(count, () => '200');

const open: SlowUpload[] = [];
const begin = async (head: UploadHead) => {
  const upload = await startUpload(postern.gateway, head);
  open.push(upload);
  return upload;
};
afterEach(() => {
  for (const upload of open.splice(0)) upload.leave();
});

let a: Tenant;
let b: Tenant;
let c: Tenant;
beforeAll(async () => {
  a = await makeCaller();
  b = await makeCaller();
  c = await makeCaller();
});

describe('A1: uploads with a forged signature', () => {
  const forge = (keyId: string, declaredBytes?: number) => {
    const { path, headers } = forgeCall(host(), keyId, { path: invokePath('hello') });
    return begin({ path, headers, ...(declaredBytes !== undefined && { declaredBytes }) });
  };
  const forgeSlow = async (keyId: string, bytes: number, declaredBytes: number | undefined = LARGEST) => {
    const upload = await forge(keyId, declaredBytes);
    upload.send(bytes);
    upload.drip(8_000);
  };
  /** Answers to honest callers: the tenant whose key id is abused, by its bearer key and signed, and others. */
  const honest = async () => {
    const small = await Promise.all([byKey(a), byKey(b), byKey(c), signed(a), signed(b), signed(c)]);
    const large = await Promise.all([
      byKey(a, jsonOf(1_000_000)),
      byKey(c, jsonOf(LARGEST)),
      signed(c, jsonOf(1_000_000)),
    ]);
    return [...small, ...large, await signed(c, jsonOf(LARGEST)), await signed(a, jsonOf(LARGEST))];
  };

  it('A1: by 6 and 8 slow connections, take nothing from any honest caller', async () => {
    await Promise.all(times(6, () => forgeSlow(a.accessKeyId, 1_050_000)));
    expect(await honest()).toEqual(served(11));
    await Promise.all(times(2, () => forgeSlow(b.accessKeyId, 1_050_000)));
    expect(await honest()).toEqual(served(11));
  });

  it.each([
    ['that send nothing', 100, 0, LARGEST],
    ['that are short', 250, 10, 16_000],
    ['that do not say how long they are', 10, 300_000, undefined],
    ['of 60 KB', 150, 59_000, 60_000],
  ])('A1: %s, by %i connections, do no more', async (_kind, connections, bytes, declaredBytes) => {
    for (const { accessKeyId } of [a, b]) {
      await Promise.all(times(connections / 2, () => forgeSlow(accessKeyId, bytes, declaredBytes)));
    }
    expect(await honest()).toEqual(served(11));
  });

  it('A1: that come fast and whole, do no more', async () => {
    let going = true;
    const attack = times(4, async () => {
      const { path, headers } = forgeCall(host(), a.accessKeyId, { path: invokePath('hello') });
      while (going) await send(postern.gateway, path, { headers, body: jsonOf(LARGEST) }).catch(() => {});
    });
    expect(await honest()).toEqual(served(11));
    going = false;
    await Promise.all(attack);
  });

  it('A1: that end by a reset, leave nothing behind', async () => {
    for (const bytes of [0, 100_000, 3_000_000]) {
      for (let round = 0; round < 3; round++) {
        const uploads = await Promise.all(times(20, () => forge(a.accessKeyId, LARGEST)));
        for (const upload of uploads) upload.send(bytes);
        await new Promise((passed) => setTimeout(passed, 50));
        for (const upload of uploads) upload.reset();
      }
    }
    expect(await Promise.all(times(8, () => signed(a, jsonOf(LARGEST))))).toEqual(served(8));
  });
});

describe('A2: large calls to a function that takes its time', () => {
  it('A2: of two tenants, do not shut out a third', async () => {
    const slow = `{"ms":${isProof ? 20_000 : 6_000},"pad":${jsonOf(LARGEST - 100)}}`;
    let ended = 0;
    const calls = [...times(6, () => a), ...times(2, () => b)].map(async (caller) => {
      const told = await byKey(caller, slow, 'slow');
      ended += 1;
      return told;
    });
    await expect.poll(async () => (await fetchCalls()).length, { timeout: 20_000 }).toBe(8);
    expect([await byKey(c), await byKey(c, jsonOf(LARGEST)), await signed(c, jsonOf(LARGEST))]).toEqual(served(3));
    expect(ended).toBe(0);
    expect(await Promise.all(calls)).toEqual(served(8));
  });

  const fetchCalls = async () => (await (await fetch(`${postern.lambda}/_calls`)).json()) as object[];

  it('A2: and slow uploads of two tenants, do not shut out a third', async () => {
    for (const { apiKey } of [a, b]) {
      const headers = { 'x-api-key': apiKey };
      const uploads = await Promise.all(
        times(10, () => begin({ path: invokePath('hello'), headers, declaredBytes: LARGEST })),
      );
      for (const upload of uploads) upload.send(1_500_000);
    }
    expect(await Promise.all([byKey(c), byKey(c, jsonOf(LARGEST)), signed(c, jsonOf(1_000_000))])).toEqual(served(3));
  });
});

describe('F: 64 connections of one tenant', () => {
  const pieces = (bytes: number) => [Buffer.from(jsonOf(bytes))];

  it.each([
    ['of 1 MB by key', () => byKey(a, jsonOf(1_000_000)), 64],
    ['of 6 MB by key', () => byKey(a, jsonOf(6_000_000)), 64],
    ['of 1 MB signed', () => signed(a, jsonOf(1_000_000)), 64],
    ['of 6 MB signed', () => signed(a, jsonOf(6_000_000)), isProof ? 64 : 16],
    ['of 6 MB chunked', () => byKey(a, pieces(6_000_000)), isProof ? 64 : 16],
  ])('F: %s are all served', async (_kind, call, connections) => {
    for (let round = 0; round < (isProof ? 5 : 1); round++) {
      const startedAtMs = performance.now();
      const answers = await Promise.all(
        times(connections, async () => {
          const answer = await call();
          return answer === '503 busy' && performance.now() - startedAtMs > MAX_WAIT_MS ? 'waited its time' : answer;
        }),
      );
      // On a machine too busy to take them all within the time that a call may wait, the last are refused then.
      const inTime = answers.filter((answer) => answer !== 'waited its time');
      expect(inTime).toEqual(served(inTime.length));
      expect(inTime.length).toBeGreaterThanOrEqual(connections / 4);
      expect(await takeCalls(postern.lambda)).toHaveLength(inTime.length);
    }
  });
});

describe('a caller that has proved nothing and sends little', () => {
  it('A7: is answered, however it goes on', async () => {
    const kinds = [{ 'x-api-key': 'nonsense' }, {}, { authorization: 'AWS4-HMAC-SHA256 nonsense' }];
    const uploads = await Promise.all(
      times(120, (index) =>
        begin({
          path: invokePath('hello'),
          headers: kinds[index % kinds.length] ?? {},
          ...(index % 2 === 0 && { declaredBytes: 1_000_000 }),
        }),
      ),
    );
    for (const upload of uploads) {
      upload.send(10);
      upload.drip(1_500);
    }
    const unanswered = () => uploads.filter(({ answer }) => !answer().startsWith('HTTP/1.1 403 ')).length;
    await expect.poll(unanswered, { timeout: 12_000, interval: 200 }).toBe(0);
  });
});

describe('an upload that goes on too slowly', () => {
  it('A11: is given up after 10 seconds without a byte, whatever its size, or when it drips', async () => {
    const head = (declaredBytes: number | undefined, headers: UploadHead['headers']) =>
      begin({ path: invokePath('hello'), headers, ...(declaredBytes !== undefined && { declaredBytes }) });
    const key = { 'x-api-key': a.apiKey };
    const short = await head(10_000, key);
    const long = await head(100_000, key);
    const longer = await head(LARGEST, key);
    const chunked = await head(undefined, key);
    const { headers } = forgeCall(host(), a.accessKeyId, { path: invokePath('hello') });
    const forged = await head(100_000, headers);
    const drip = await head(100_000, key);
    const uploads = { short, long, longer, chunked, forged, drip };
    for (const upload of Object.values(uploads)) upload.send(1_000);
    longer.send(1_000_000);
    drip.drip(300);
    const told = () =>
      Object.entries(uploads)
        .filter(([, { answer }]) => !/^HTTP\/1\.1 400 .*payload-incomplete/s.test(answer()))
        .map(([name]) => name);
    await expect.poll(told, { timeout: 16_000, interval: 200 }).toEqual([]);
  });
});
