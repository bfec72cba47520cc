import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Emulator, startEmulator } from '../../src/emulator/start.ts';
import { childrenOf } from '../support/memory.ts';
import { invokePath, makeTenant, seenCalls, send, takeCalls } from '../support/postern.ts';
import { type RunningServe, settingsFor, startServe } from '../support/serve.ts';

const LAMBDA = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret-of-the-operator' };
const ANY = [{ function: '*' }];
const PROVE = process.env.POSTERN_PROVE === '1';
const HAS_PRLIMIT = spawnSync('prlimit', ['--version']).status === 0;
if (!HAS_PRLIMIT) console.warn('skipped: what needs prlimit (util-linux)');

let folder: string;
let emulator: Emulator;
let settings: ReturnType<typeof settingsFor>;
const running: RunningServe[] = [];
const sockets: Socket[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postern-life-'));
  emulator = await startEmulator({ port: 0, credentials: LAMBDA, log: () => {} });
  settings = settingsFor(emulator.url, LAMBDA);
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
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
const newState = () => join(folder, `state${states++}`);
const start = async (stateDir: string, args: readonly string[] = [], runner: readonly string[] = []) => {
  const server = await startServe(['--state', stateDir, ...args], settings, runner);
  running.push(server);
  return server;
};
const keyOf = async ({ gateway }: RunningServe) =>
  (await makeTenant({ gateway, adminToken: settings.POSTERN_ADMIN_TOKEN }, ANY)).apiKey;
const call = ({ gateway }: RunningServe, apiKey: string, name = 'hello', body = '{}') =>
  send(gateway, invokePath(name), { headers: { 'x-api-key': apiKey, 'content-type': 'application/json' }, body }).then(
    ({ status }) => status,
    () => 'lost' as const,
  );
const workerdOf = ({ pid }: RunningServe): number => childrenOf(pid)[0] ?? 0;

/** Every process that has something of a state folder's databases open, other than `postern` itself. */
function workerdsOn(stateDir: string): number[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .filter((pid) => {
      try {
        if (readFileSync(`/proc/${pid}/comm`, 'utf8').trim() !== 'workerd') return false;
        const files = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
        return files.some((file) => file.startsWith(`${stateDir}/objects`));
      } catch {
        return false;
      }
    })
    .map(Number);
}

describe.runIf(process.platform === 'linux')('A4: postern serve starts workerd again', () => {
  it('when it was killed: connections wait, and the log says why it ended', async () => {
    const server = await start(newState());
    const key = await keyOf(server);
    for (let round = 0; round < 4; round++) {
      const old = workerdOf(server);
      process.kill(old, 'SIGKILL');
      await expect.poll(() => childrenOf(server.pid)).not.toContain(old);
      // Nobody accepts now: this one waits in the backlog.
      expect(await call(server, key)).toBe(200);
      expect(server.errors()).toContain(`workerd (process ${old}) ended by itself (SIGKILL)`);
    }
    expect(server.errors().match(/workerd serves again/g)).toHaveLength(4);
  });

  it('without an end, however often it fails to start, and quotes its last words', async () => {
    const state = newState();
    const server = await start(state);
    const key = await keyOf(server);
    const config = join(state, 'serve.capnp');
    const good = await readFile(config);
    await writeFile(config, 'no configuration');
    process.kill(workerdOf(server), 'SIGKILL');
    const ends = () => server.errors().match(/ended by itself \(code 1\); its last line: \S/g)?.length ?? 0;
    await expect.poll(ends, { timeout: 20_000 }).toBeGreaterThan(2);
    const waiting = call(server, key);
    await writeFile(config, good);
    expect(await waiting).toBe(200);
  });

  it('not if it gets a signal while it waits to start one', async () => {
    const state = newState();
    const server = await start(state);
    await writeFile(join(state, 'serve.capnp'), 'no configuration');
    process.kill(workerdOf(server), 'SIGKILL');
    await expect.poll(() => server.errors(), { timeout: 20_000 }).toContain('code 1');
    server.kill();
    expect(await server.exited).toBe(0);
    expect(workerdsOn(state)).toEqual([]);
  });

  it.runIf(HAS_PRLIMIT)('when connections without a key took all its descriptors', async () => {
    // A connection takes two: which of them fails decides whether workerd ends, so one limit of each parity.
    let ends = 0;
    for (const limit of [1023, 1024]) {
      const server = await start(newState(), [], ['prlimit', `--nofile=${limit}:${limit}`, '--']);
      const key = await keyOf(server);
      const { hostname, port } = new URL(server.gateway);
      for (let round = 0; round < (PROVE ? 5 : 2); round++) {
        const idle = Array.from({ length: 520 }, () => connect(Number(port), hostname).on('error', () => {}));
        sockets.push(...idle);
        await Promise.all(
          idle.map((socket) => new Promise((done) => socket.once('connect', done).once('close', done))),
        );
        await expect
          .poll(() => idle.some((socket) => socket.destroyed || socket.closed), { timeout: 20_000 })
          .toBe(true);
        for (const socket of idle) socket.destroy();
        await expect.poll(() => call(server, key), { timeout: 20_000 }).toBe(200);
      }
      ends += server.errors().match(/ended by itself .*Too many open files/g)?.length ?? 0;
      expect(server.errors()).toContain(
        `workerd can open ${limit === 1023 ? '1,023' : '1,024'} files: enough for about 49`,
      );
      expect(server.errors()).toContain('LimitNOFILE=');
    }
    expect(ends).toBeGreaterThan(0);
  });

  it.runIf(HAS_PRLIMIT)('with all the descriptors that the hard limit allows', async () => {
    const server = await start(newState(), [], ['prlimit', '--nofile=1024:5000', '--']);
    expect(await readFile(`/proc/${workerdOf(server)}/limits`, 'utf8')).toMatch(/Max open files\s+5000\s+5000/);
    expect(server.errors()).toContain('workerd can open 5,000 files: enough for about 2,480 connections');
    expect(server.errors()).not.toContain('LimitNOFILE=');
  });
});

describe.runIf(process.platform === 'linux')('A4: one workerd on a state folder', () => {
  it('whatever is killed, and whenever', { timeout: PROVE ? 900_000 : 60_000 }, async () => {
    const state = newState();
    let server = await start(state);
    const key = await keyOf(server);
    const { port } = new URL(server.gateway);
    const kills = [
      () => server.kill('SIGKILL'),
      () => process.kill(workerdOf(server), 'SIGKILL'),
      () => {
        server.kill('SIGKILL');
        for (const workerd of workerdsOn(state)) process.kill(workerd, 'SIGKILL');
      },
      async () => {
        // While it starts another.
        process.kill(workerdOf(server), 'SIGKILL');
        await expect.poll(() => server.errors()).toContain('ended by itself');
        server.kill('SIGKILL');
      },
      async () => {
        // While the one before still has a call to end.
        await takeCalls(emulator.url);
        void call(server, key, 'slow', '{"ms":20000}');
        await expect.poll(async () => (await seenCalls(emulator.url)).length).toBe(1);
        server.kill('SIGKILL');
      },
    ];
    for (let round = 0; round < (PROVE ? 60 : 10); round++) {
      const isOfParent = round % kills.length !== 1;
      await kills[round % kills.length]?.();
      if (isOfParent) {
        await server.exited;
        running.splice(0);
        server = await start(state, ['--port', port]);
      }
      expect(await call(server, key)).toBe(200);
      expect(workerdsOn(state)).toEqual(childrenOf(server.pid));
      expect(workerdsOn(state)).toHaveLength(1);
    }
  });

  it('ends with its parent: a call in flight ends, and a new one is not taken', async () => {
    const state = newState();
    const server = await start(state);
    const key = await keyOf(server);
    const [workerd = 0] = childrenOf(server.pid);
    await takeCalls(emulator.url);
    const answer = call(server, key, 'slow', '{"ms":1500}');
    await expect.poll(async () => (await seenCalls(emulator.url)).length).toBe(1);
    server.kill('SIGKILL');
    await server.exited;
    expect(await answer).toBe(200);
    await expect.poll(() => workerdsOn(state), { timeout: 20_000 }).not.toContain(workerd);
  });

  it('of starts at once one serves, and the others say who does', async () => {
    const state = newState();
    const rounds = PROVE ? 10 : 2;
    for (let round = 0; round < rounds; round++) {
      // What a killed one leaves: its number now belongs to a process that is no Postern, or to this test.
      if (round > 0) await writeFile(join(state, 'pid'), String(round % 2 === 0 ? 1 : process.pid));
      const starts = await Promise.allSettled(Array.from({ length: 4 }, () => start(state)));
      const served = starts.filter(({ status }) => status === 'fulfilled');
      expect(served).toHaveLength(1);
      for (const one of starts) {
        if (one.status === 'rejected') expect(String(one.reason)).toContain(`is using ${state}; stop it`);
      }
      expect(workerdsOn(state)).toHaveLength(1);
      for (const server of running.splice(0)) {
        server.kill();
        await server.exited;
      }
    }
  });
});
