import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Emulator, startEmulator } from '../../src/emulator/start.ts';
import { runCli } from '../support/cli.ts';
import { invokePath, makeTenant, send } from '../support/postern.ts';
import { type RunningServe, settingsFor, startServe } from '../support/serve.ts';

const FILE_PAIR = { accessKeyId: 'AKIDOFTHEFILE', secretAccessKey: 'secret-of-the-file' };

let folder: string;
let emulator: Emulator;
let settings: ReturnType<typeof settingsFor>;
const running: RunningServe[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postern-sources-'));
  emulator = await startEmulator({ port: 0, credentials: FILE_PAIR, log: () => {} });
  settings = settingsFor(emulator.url, FILE_PAIR);
});
afterAll(async () => {
  for (const server of running) {
    server.kill();
    await server.exited;
  }
  await emulator.close();
  await rm(folder, { recursive: true, force: true });
});

let files = 0;
const write = async (values: Readonly<Record<string, string>>) => {
  const file = join(folder, `settings${files++}.env`);
  const lines = Object.entries(values).map(([name, value]) => `${name}="${value}"`);
  await writeFile(file, lines.join('\n'), { mode: 0o600 });
  return file;
};
/** Starts with a file and an environment. @returns what a call answers, and what the start said. */
const start = async (inFile: Readonly<Record<string, string>>, inEnvironment: Readonly<Record<string, string>>) => {
  const file = await write(inFile);
  const server = await startServe(['--state', `${file}.state`, '--settings', file], inEnvironment);
  running.push(server);
  const adminToken = inEnvironment.POSTERN_ADMIN_TOKEN ?? settings.POSTERN_ADMIN_TOKEN;
  const { apiKey } = await makeTenant({ gateway: server.gateway, adminToken }, [{ function: '*' }]);
  const answer = await send(server.gateway, invokePath('hello'), {
    headers: { 'x-api-key': apiKey, 'content-type': 'application/json' },
    body: '{}',
  });
  return { file, said: server.errors(), outcome: answer.headers['x-postern-refusal'] ?? answer.status };
};

describe('C8: serve --settings FILE beside an environment', () => {
  it('signs with the pair of the file where the environment has parts of another', async () => {
    const parts = { AWS_SECRET_ACCESS_KEY: 'secret-of-the-shell', AWS_SESSION_TOKEN: 'stale-token' };
    const { file, said, outcome } = await start(settings, parts);
    expect(outcome).toBe(200);
    expect(said).toContain(`AWS_SECRET_ACCESS_KEY: from ${file}, not from the environment`);
    expect(said).toContain('AWS_SESSION_TOKEN: not set, not from the environment');
    for (const secret of [...Object.values(parts), settings.AWS_SECRET_ACCESS_KEY]) expect(said).not.toContain(secret);
  });

  it('signs with the pair of the environment whole, without the token of the file', async () => {
    const inFile = {
      ...settings,
      AWS_ACCESS_KEY_ID: 'AKIDOLD',
      AWS_SECRET_ACCESS_KEY: 'old',
      AWS_SESSION_TOKEN: 'old',
    };
    const { file, said, outcome } = await start(inFile, {
      AWS_ACCESS_KEY_ID: FILE_PAIR.accessKeyId,
      AWS_SECRET_ACCESS_KEY: FILE_PAIR.secretAccessKey,
    });
    expect(outcome).toBe(200);
    expect(said).toContain(`AWS_ACCESS_KEY_ID: from the environment, not from ${file}`);
    expect(said).toContain(`AWS_SESSION_TOKEN: not set, not from ${file}`);
  });

  it('starts with no pair of two sources, and says what is missing and why', async () => {
    const file = await write(settings);
    const args = ['serve', '--state', `${file}.state`, '--port', '0', '--settings', file];
    const { code, stderr } = await runCli(args, { env: { AWS_ACCESS_KEY_ID: 'AKIDOFTHESHELL' } });
    expect([code, stderr]).toEqual([2, expect.stringContaining('AWS_SECRET_ACCESS_KEY is not set')]);
    expect(stderr).toContain(
      `AWS_SECRET_ACCESS_KEY: not set, not from ${file} (all AWS credentials come from one source)`,
    );
  });

  it('says which other settings the environment overrides, and nothing where both agree', async () => {
    const POSTERN_ADMIN_TOKEN = 'token-of-the-shell-0123456789abcdef';
    const { file, said } = await start(settings, { POSTERN_ADMIN_TOKEN, AWS_REGION: settings.AWS_REGION });
    expect(said).toContain(`POSTERN_ADMIN_TOKEN: from the environment, not from ${file}`);
    expect(said).not.toContain('AWS_REGION');
    expect(said).not.toContain(POSTERN_ADMIN_TOKEN);
  });
});

describe('C8: dev --lambda-endpoint', () => {
  it('starts with no half of a pair beside its defaults', async () => {
    const state = join(folder, 'dev');
    const args = ['dev', '--port', '0', '--state', state, '--lambda-endpoint', emulator.url];
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) {
      const { code, stderr } = await runCli(args, { env: { [name]: 'half' } });
      const other = name === 'AWS_ACCESS_KEY_ID' ? 'AWS_SECRET_ACCESS_KEY' : 'AWS_ACCESS_KEY_ID';
      expect([code, stderr]).toEqual([2, expect.stringContaining(`needs ${other} in the environment`)]);
    }
  });
});
