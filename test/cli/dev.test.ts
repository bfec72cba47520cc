import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { admin, invokePath, send, startPostern } from '../support/postern.ts';

const run = promisify(execFile);
const CLI = resolve(import.meta.dirname, '../../src/cli/postern.ts');

/** Runs the real command to its end. */
const postern = (...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> =>
  run(process.execPath, [CLI, ...args]).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  );

/** Whether this machine has a tool that is not among this repository's packages; without it, its line is not tried. */
const has = (tool: string): Promise<boolean> =>
  run(tool, ['--version']).then(
    () => true,
    () => false,
  );

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postern-cli-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const json = { 'content-type': 'application/json' };

describe('postern dev', () => {
  it('keeps tenants and keys from one start to the next, in files of their owner alone', async () => {
    const stateDir = join(folder, 'kept');
    const first = await startPostern({ stateDir });
    expect(await first.stop('SIGINT')).toBe(0);
    const second = await startPostern({ stateDir });
    try {
      expect(second.demo).toEqual(first.demo);
      expect(second.adminToken).toBe(first.adminToken);
      const answer = await send(second.gateway, invokePath('hello'), {
        headers: { ...json, 'x-api-key': first.demo.apiKey },
        body: '{}',
      });
      expect(answer.status).toBe(200);
      expect((await admin<{ tenants: unknown[] }>(second, 'GET', '/tenants')).body.tenants).toHaveLength(1);
      expect((await stat(join(stateDir, 'state.json'))).mode & 0o077).toBe(0);
    } finally {
      expect(await second.stop()).toBe(0);
    }
  });

  it("runs the developer's own handlers, and their newest code", async () => {
    const functions = join(folder, 'functions');
    await mkdir(functions, { recursive: true });
    const write = (answer: string) =>
      writeFile(join(functions, 'mine.mjs'), `export const handler = async (event) => ({ ${answer}, got: event });`);
    await write('version: 1');
    const dev = await startPostern({ args: ['--functions', functions] });
    try {
      const call = async () => {
        const headers = { ...json, 'x-api-key': dev.demo.apiKey };
        return JSON.parse((await send(dev.gateway, invokePath('mine'), { headers, body: '{"a":1}' })).body.toString());
      };
      expect(await call()).toEqual({ version: 1, got: { a: 1 } });
      await write('version: 2');
      await expect.poll(call, { timeout: 5_000 }).toEqual({ version: 2, got: { a: 1 } });
    } finally {
      await dev.stop();
    }
  });

  it('keeps a second one away from the folder that it uses, and not from one that a dead one used', async () => {
    const stateDir = join(folder, 'shared');
    const first = await startPostern({ stateDir });
    try {
      const second = await postern('dev', '--port', '0', '--lambda-port', '0', '--state', stateDir);
      expect([second.code, second.stderr]).toEqual([1, expect.stringContaining(`process ${first.pid}`)]);
      expect(second.stderr).toContain('with --state .postern-2 --port 0 --lambda-port 0');
    } finally {
      await first.stop();
    }
    await writeFile(join(stateDir, 'pid'), '4194304');
    const third = await startPostern({ stateDir });
    await third.stop();
  });

  it.runIf(process.platform === 'linux')(
    'starts again where one was killed, and ends what that left running',
    async () => {
      const stateDir = join(folder, 'killed');
      const first = await startPostern({ stateDir });
      process.kill(first.pid, 'SIGKILL');
      expect((await fetch(first.gateway)).status).toBe(404);
      const { port } = new URL(first.gateway);
      const second = await startPostern({ stateDir, args: ['--port', port] });
      expect(second.demo).toEqual(first.demo);
      await second.stop();
      await expect(fetch(first.gateway)).rejects.toThrow();
    },
  );

  it('ends everything that it started when npm gets a signal', async () => {
    const args = [
      'start',
      '--silent',
      '--',
      '--json',
      '--port',
      '0',
      '--lambda-port',
      '0',
      '--state',
      join(folder, 'npm'),
    ];
    const npm = spawn('npm', args, { cwd: resolve(import.meta.dirname, '../..'), stdio: ['ignore', 'pipe', 'ignore'] });
    let output = '';
    npm.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    await expect.poll(() => output, { timeout: 30_000 }).toMatch(/\n$/);
    const { gateway } = JSON.parse(output);
    expect((await fetch(gateway)).status).toBe(404);
    npm.kill('SIGTERM');
    await expect
      .poll(
        () =>
          fetch(gateway).then(
            () => 'up',
            () => 'down',
          ),
        { timeout: 5_000 },
      )
      .toBe('down');
  });

  it('prints a curl line that works unchanged, and the answer to a first call', async () => {
    const child = spawn(process.execPath, [
      CLI,
      'dev',
      '--port',
      '0',
      '--lambda-port',
      '0',
      '--state',
      join(folder, 'banner'),
    ]);
    try {
      let output = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
      await expect.poll(() => output, { timeout: 30_000 }).toContain('Ctrl-C');
      expect(output).toMatch(/answered 200: \{"message":"Hello, Postern!"/);
      const line = output.split('\n').find((text) => text.startsWith('curl ')) ?? '';
      expect(line).toContain('/2015-03-31/functions/hello/invocations');
      if (await has('curl')) {
        expect(JSON.parse((await run('sh', ['-c', line])).stdout)).toMatchObject({ message: 'Hello, Ada!' });
      }
      const exported = output.split('\n').find((text) => text.startsWith('export ')) ?? '';
      expect(exported).toMatch(/^export POSTERN_URL=\S+ POSTERN_API_KEY=postern_\S+ POSTERN_ADMIN_TOKEN=\S+$/);
      const paste = async (...args: string[]) =>
        (await run('sh', ['-c', `${exported}; exec "$0" "$@"`, process.execPath, CLI, ...args])).stdout;
      expect(await paste('explain', 'demo', 'hello')).toContain('allowed');
      expect(await paste('invoke', 'hello')).toBe('{"message":"Hello, world!"}');
      const awsLine = output.split('\n').find((text) => text.includes('aws lambda invoke')) ?? '';
      // By `cat`: what Node hands a child for standard output is a socket, which /dev/stdout cannot open.
      if (await has('aws')) {
        expect((await run('sh', ['-c', `${awsLine} | cat`])).stdout).toContain('{"message":"Hello, Ada!"}');
      }
      const script = /^import \{ InvokeCommand[\s\S]*?transformToString\(\)\);$/m.exec(output)?.[0] ?? '';
      const sdk = await run(process.execPath, ['--input-type=module', '--eval', script], { cwd: import.meta.dirname });
      expect(JSON.parse(sdk.stdout)).toMatchObject({ message: 'Hello, Ada!' });
    } finally {
      child.kill('SIGTERM');
    }
  });

  it('names the option when a port is taken', async () => {
    const server = createServer();
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const address = server.address();
    const port = String(typeof address === 'object' ? address?.port : 0);
    try {
      for (const option of ['--port', '--lambda-port']) {
        const other = option === '--port' ? '--lambda-port' : '--port';
        const { code, stderr } = await postern('dev', option, port, other, '0', '--state', join(folder, 'busy'));
        expect([code, stderr.trim()]).toEqual([1, `postern: port ${port} is in use; choose another with ${option}`]);
      }
    } finally {
      server.close();
    }
  });

  it('says what is wrong with an option, a folder, or its own file', async () => {
    expect((await postern('dev', '--port', 'x')).stderr).toContain('must be a port');
    expect((await postern('dev', '--lambda-endpoint', 'nowhere')).stderr).toContain('http(s)://host');
    expect((await postern('dev', '--lambda-endpoint', 'http://127.0.0.1:99999')).stderr).toContain('http(s)://host');
    expect((await postern('dev', '--functions', '')).stderr).toContain('a folder must have a name');
    expect((await postern('dev', '--state', CLI)).stderr).toContain('is not a folder');
    expect((await postern('dev', '--colour')).stderr).toContain("unknown option '--colour'");
    const missing = await postern(
      'dev',
      '--port',
      '0',
      '--lambda-port',
      '0',
      '--functions',
      join(folder, 'none'),
      '--state',
      join(folder, 'f'),
    );
    expect(missing.stderr).toContain(join(folder, 'none'));
    const broken = join(folder, 'broken');
    await mkdir(broken);
    for (const text of ['{', '{}', 'null']) {
      await writeFile(join(broken, 'state.json'), text);
      expect((await postern('dev', '--port', '0', '--lambda-port', '0', '--state', broken)).stderr).toContain('delete');
    }
    const real = await postern(
      'dev',
      '--port',
      '0',
      '--lambda-endpoint',
      'https://lambda.eu-west-1.amazonaws.com',
      '--state',
      join(folder, 'r'),
    );
    expect(real.stderr).toContain(
      'needs AWS_ACCOUNT_ID, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY in the environment',
    );
    const both = await postern('dev', '--functions', folder, '--lambda-endpoint', 'http://127.0.0.1:9');
    expect(both.stderr).toContain("'--lambda-endpoint <url>' cannot be used with option '--functions <dir>'");
  });
});

describe('postern build', () => {
  it('says the size of the bundle', async () => {
    const { code, stdout } = await postern('build');
    expect(code).toBe(0);
    expect(stdout).toMatch(/dist\/worker\.js: [\d.]+ KiB, [\d.]+ KiB gzipped/);
    const built = resolve(import.meta.dirname, '../../dist/worker.js');
    expect(await readFile(built, 'utf8')).toContain('x-postern-refusal');
  });
});
