import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../src/emulator/start.ts';
import { invokePath } from '../support/postern.ts';
import { type RunningServe, settingsFor, startServe } from '../support/serve.ts';
import { forgeCall, type KeyPair, signCall } from '../support/sign.ts';
import { startUpload } from '../support/upload.ts';

const LARGEST = 6_291_456;
const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' };

let folder: string;
let emulator: Awaited<ReturnType<typeof startEmulator>>;
let serve: RunningServe;
let token: string;

/** A request over TLS, on a connection of its own. */
const call = (method: string, path: string, headers: object, body = ''): Promise<{ status: number; body: string }> => {
  const { hostname, port } = new URL(serve.gateway);
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
  const length = { 'content-length': String(Buffer.byteLength(body)), 'content-type': 'application/json' };
  request(
    { hostname, port, path, method, headers: { ...length, ...headers }, agent: false, rejectUnauthorized: false },
    (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: text }));
    },
  )
    .on('error', reject)
    .end(body);
  return promise;
};
const admin = async <T>(path: string, document: object): Promise<T> => {
  const { body } = await call(
    'POST',
    `/admin/v1${path}`,
    { authorization: `Bearer ${token}` },
    JSON.stringify(document),
  );
  return JSON.parse(body) as T;
};
const makeCaller = async () => {
  const { id } = await admin<{ id: string }>('/tenants', { name: 'tls', policy: { allow: [{ function: '*' }] } });
  return admin<KeyPair & { apiKey: string }>(`/tenants/${id}/keys`, {});
};
const json = (bytes: number) => `"${'x'.repeat(bytes - 2)}"`;
const host = () => new URL(serve.gateway).host;
const byKey = async ({ apiKey }: { apiKey: string }, body: string) =>
  (await call('POST', invokePath('hello'), { 'x-api-key': apiKey }, body)).status;
const bySignature = async (pair: KeyPair, body: string) => {
  const { path, headers } = signCall(host(), pair, { path: invokePath('hello'), body });
  return (await call('POST', path, headers, body)).status;
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postern-tls-'));
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }]);
  await writeFile(join(folder, 'cert.pem'), cert);
  await writeFile(join(folder, 'key.pem'), key);
  emulator = await startEmulator({ port: 0, credentials, log: () => {} });
  const settings = settingsFor(emulator.url, credentials);
  token = settings.POSTERN_ADMIN_TOKEN;
  const tls = ['--tls-cert', join(folder, 'cert.pem'), '--tls-key', join(folder, 'key.pem')];
  serve = await startServe(['--state', join(folder, 'state'), ...tls], settings);
});
afterAll(async () => {
  serve?.kill();
  await serve?.exited;
  await emulator?.close();
  await rm(folder, { recursive: true, force: true });
});

describe('over TLS', () => {
  it('A1: forged slow uploads take nothing from honest callers', async () => {
    const [a, b] = await Promise.all([makeCaller(), makeCaller()]);
    const { path, headers } = forgeCall(host(), a.accessKeyId, { path: invokePath('hello') });
    const uploads = await Promise.all(
      Array.from({ length: 8 }, () => startUpload(serve.gateway, { path, headers, declaredBytes: LARGEST })),
    );
    for (const upload of uploads) upload.send(1_050_000);
    const small = [byKey(a, '{}'), byKey(b, '{}'), bySignature(a, '{}'), bySignature(b, '{}')];
    const large = [byKey(a, json(LARGEST)), byKey(b, json(LARGEST)), bySignature(b, json(LARGEST))];
    expect(await Promise.all([...small, ...large])).toEqual([200, 200, 200, 200, 200, 200, 200]);
    for (const upload of uploads) upload.leave();
  });

  it.each(['leave', 'reset'] as const)(
    'A1: callers that %s in the middle of an upload leave nothing behind',
    async (how) => {
      const a = await makeCaller();
      const signed = forgeCall(host(), a.accessKeyId, { path: invokePath('hello') }).headers;
      for (const headers of [{ 'x-api-key': a.apiKey }, signed]) {
        for (const bytes of [0, 1_500_000]) {
          const uploads = await Promise.all(
            Array.from({ length: 20 }, () =>
              startUpload(serve.gateway, { path: invokePath('hello'), headers, declaredBytes: LARGEST }),
            ),
          );
          for (const upload of uploads) upload.send(bytes);
          await new Promise((passed) => setTimeout(passed, 100));
          for (const upload of uploads) upload[how]();
        }
      }
      const calls = Array.from({ length: 12 }, (_, index) =>
        index % 2 ? byKey(a, json(LARGEST)) : bySignature(a, json(LARGEST)),
      );
      expect(await Promise.all(calls)).toEqual(calls.map(() => 200));
    },
  );

  it('F: a call that waited for memory says so in its line, and no other does', async () => {
    const a = await makeCaller();
    const from = serve.lines.length;
    const answers = await Promise.all(Array.from({ length: 12 }, () => byKey(a, json(LARGEST))));
    expect(answers).toEqual(answers.map(() => 200));
    expect(await byKey(a, '{}')).toBe(200);
    const calls = () =>
      serve.lines
        .slice(from)
        .filter((line) => line.includes('"function":"hello"'))
        .map((line) => JSON.parse(line) as { bytesIn: number; waitedMs?: number });
    await expect.poll(() => calls().length).toBe(13);
    expect(calls().filter(({ waitedMs = 0 }) => waitedMs > 0).length).toBeGreaterThan(0);
    expect(calls().find(({ bytesIn }) => bytesIn === 2)).not.toHaveProperty('waitedMs');
  });
});
