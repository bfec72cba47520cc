import { copyFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { Agent, request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Emulator, startEmulator } from '../../src/emulator/start.ts';
import { makeCertificate } from '../support/certificate.ts';
import { childrenOf } from '../support/memory.ts';
import { invokePath, makeTenant, seenCalls, send, takeCalls } from '../support/postern.ts';
import { type RunningServe, settingsFor, startServe } from '../support/serve.ts';

const LAMBDA = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret-of-the-operator' };

let folder: string;
let emulator: Emulator;
let settings: ReturnType<typeof settingsFor>;
const running: RunningServe[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postern-reload-'));
  emulator = await startEmulator({ port: 0, credentials: LAMBDA, log: () => {} });
  settings = settingsFor(emulator.url, LAMBDA);
});
afterEach(async () => {
  for (const server of running.splice(0)) {
    server.kill();
    await server.exited;
  }
});
afterAll(async () => {
  await emulator.close();
  await rm(folder, { recursive: true, force: true });
});

let states = 0;
/** A gateway that speaks TLS, its admin API on a plain listener beside it. */
async function startTls(args: readonly string[] = []) {
  const stateDir = join(folder, `state${states++}`);
  const [certFile, keyFile] = [`${stateDir}.pem`, `${stateDir}.key`];
  const use = async (pair: { readonly certFile: string; readonly keyFile: string }) => {
    await copyFile(pair.certFile, certFile);
    await copyFile(pair.keyFile, keyFile);
  };
  await use(await makeCertificate(folder, 'first'));
  const tls = ['--tls-cert', certFile, '--tls-key', keyFile, '--admin-port', '0'];
  const server = await startServe(['--state', stateDir, ...tls, ...args], settings);
  running.push(server);
  const { apiKey } = await makeTenant({ gateway: server.admin ?? '', adminToken: settings.POSTERN_ADMIN_TOKEN }, [
    { function: '*' },
  ]);
  const call = (name: string, body = '{}') =>
    new Promise<number | 'lost' | undefined>((done) => {
      const headers = { 'x-api-key': apiKey, 'content-type': 'application/json' };
      const agent = new Agent({ rejectUnauthorized: false });
      httpsRequest(server.gateway + invokePath(name), { agent, method: 'POST', headers }, (response) => {
        response.resume().once('end', () => done(response.statusCode));
      })
        .once('error', () => done('lost'))
        .end(body);
    });
  return { server, stateDir, certFile, keyFile, use, call };
}

/** Whose certificate a new connection gets. */
const subject = ({ gateway }: RunningServe) =>
  new Promise<string>((done, failed) => {
    const { hostname, port } = new URL(gateway);
    const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false }, () => {
      done(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    }).once('error', failed);
  });

describe.runIf(process.platform === 'linux')('A4: SIGHUP', () => {
  it('takes up a renewed certificate: calls in flight end, and new connections wait for it', async () => {
    const { server, stateDir, use, call } = await startTls(['--drain', '60']);
    expect(await subject(server)).toBe('first');
    await takeCalls(emulator.url);
    const inFlight = call('slow', '{"ms":2000}');
    await expect.poll(async () => (await seenCalls(emulator.url)).length).toBe(1);
    await use(await makeCertificate(folder, 'second'));
    server.kill('SIGHUP');
    await expect.poll(() => server.errors()).toContain('SIGHUP: the new certificate is loaded');
    expect(await inFlight).toBe(200);
    await expect.poll(() => server.errors()).toContain('workerd serves again');
    expect(await subject(server)).toBe('second');
    expect(await call('hello')).toBe(200);
    expect(server.errors()).not.toContain('ended by itself');
    // The key is nowhere in the state.
    expect((await readdir(stateDir)).filter((name) => name.startsWith('held'))).toEqual([]);
  });

  it('cuts off what takes longer than --drain', async () => {
    const { server, use, call } = await startTls(['--drain', '0']);
    await takeCalls(emulator.url);
    const inFlight = call('slow', '{"ms":50000}');
    await expect.poll(async () => (await seenCalls(emulator.url)).length).toBe(1);
    await use(await makeCertificate(folder, 'second'));
    server.kill('SIGHUP');
    expect(await inFlight).toBe('lost');
    await expect.poll(() => server.errors()).toContain('workerd serves again');
    expect(await subject(server)).toBe('second');
  });

  it('keeps the certificate in use where the new one is faulty, says why, and survives a crash with it', async () => {
    const { server, certFile, keyFile, use } = await startTls();
    const [workerd = 0] = childrenOf(server.pid);
    const [other, old] = [
      await makeCertificate(folder, 'other'),
      await makeCertificate(folder, 'old', new Date(Date.now() - 60_000)),
    ];
    const faults: readonly (readonly [() => Promise<unknown>, string])[] = [
      [() => copyFile(other.certFile, certFile), `--tls-key ${keyFile} is not the key of the first certificate`],
      [() => use(old), `--tls-cert ${certFile} expired on`],
      [() => writeFile(keyFile, 'no key'), `--tls-key ${keyFile} must be a private key`],
      [() => writeFile(certFile, ''), `--tls-cert ${certFile} must be a PEM file`],
      [() => rm(certFile), `${certFile} cannot be read: ENOENT`],
    ];
    for (const [breakIt, words] of faults) {
      await breakIt();
      server.kill('SIGHUP');
      await expect.poll(() => server.errors()).toContain(words);
    }
    expect(server.errors().match(/The old certificate stays in use/g)).toHaveLength(faults.length);
    expect(childrenOf(server.pid)).toEqual([workerd]);
    // What was checked is what it starts with again, not what the files hold now.
    process.kill(workerd, 'SIGKILL');
    await expect.poll(() => server.errors()).toContain('workerd serves again');
    expect(await subject(server)).toBe('first');
  });

  it('sent many times, and then SIGTERM, ends as it should', async () => {
    const { server, use } = await startTls();
    await use(await makeCertificate(folder, 'second'));
    for (let at = 0; at < 3; at++) {
      server.kill('SIGHUP');
      await new Promise((waited) => setTimeout(waited, 30));
    }
    await expect.poll(() => server.errors()).toContain('workerd serves again');
    expect(await subject(server)).toBe('second');
    server.kill('SIGHUP');
    server.kill('SIGTERM');
    expect(await server.exited).toBe(0);
  });

  it('changes nothing without a certificate, and says what it is for', async () => {
    const server = await startServe(['--state', join(folder, 'plain')], settings);
    running.push(server);
    const before = childrenOf(server.pid);
    server.kill('SIGHUP');
    await expect.poll(() => server.errors()).toContain('SIGHUP: there is no certificate to reload');
    expect(childrenOf(server.pid)).toEqual(before);
    expect((await send(server.gateway, '/')).status).toBe(404);
  });
});
