import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { escapeControls } from '../../src/cli/terminal/terminal.ts';
import { type Emulator, startEmulator } from '../../src/emulator/start.ts';
import { call as callEmulator, credentials, invocations } from '../emulator/wire.ts';
import { runCli } from '../support/cli.ts';
import { admin, invokePath, makeTenant, send } from '../support/postern.ts';
import { usePostern } from '../support/use-postern.ts';
import { freePort } from '../support/workerd.ts';

const ROOT = resolve(import.meta.dirname, '../..');
/** Inside the clone, whose package.json says that `.js` is a module; git ignores it. */
const inside = mkdtempSync(join(ROOT, '.postern-first-hour-'));
const outside = mkdtempSync(join(tmpdir(), 'postern-first-hour-'));
afterAll(() => {
  for (const folder of [inside, outside]) rmSync(folder, { recursive: true, force: true });
});

describe('first hour A1: functions of a folder in the clone', () => {
  let emulator: Emulator;
  const functions = join(inside, 'functions');
  beforeAll(async () => {
    const files = {
      'hello.js': "exports.handler = async ({ name }) => ['Hello', name, require('./lib/word.js').word].join(', ');",
      'lib/word.js': "exports.word = 'from a file beside it';",
      'replaced.js': "module.exports = { handler: async () => __filename.endsWith('replaced.js') };",
      'esm.js': "import { basename } from 'node:path'; export const handler = async () => basename(import.meta.url);",
      'own/package.json': '{"type": "module"}',
      'own/index.js': 'export const handler = async () => typeof require;',
      'broken.js': 'exports.handler = async () => {',
    };
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(join(functions, name, '..'), { recursive: true });
      writeFileSync(join(functions, name), text);
    }
    emulator = await startEmulator({ port: 0, credentials, functionsDir: functions, log: () => {} });
  });
  afterAll(() => emulator?.close());
  const answer = async (name: string) =>
    JSON.parse((await callEmulator(emulator.port, { path: invocations(name), body: '{"name":"Ada"}' })).text);

  it('may be as in Lambda: CommonJS, what it requires too', async () => {
    expect(await answer('hello')).toBe('Hello, Ada, from a file beside it');
    expect(await answer('replaced')).toBe(true);
  });
  it('may be modules, by their words or by their own package.json', async () => {
    expect(await answer('esm')).toBe('esm.js');
    expect(await answer('own')).toBe('undefined');
  });
  it('with a mistake in it is reported as what it is', async () => {
    expect(await answer('broken')).toMatchObject({ errorType: 'Runtime.UserCodeSyntaxError' });
  });
});

describe('first hour A8, A9: the command', () => {
  it('has its mode bit in the repository', () => {
    const modes = execFileSync('git', ['ls-files', '-s', 'src/cli/start.js', 'src/cli/postern.ts'], { cwd: ROOT });
    expect(modes.toString().trim().split('\n')).toEqual([
      expect.stringMatching(/^100755 .*postern\.ts$/),
      expect.stringMatching(/^100755 .*start\.js$/),
    ]);
  });

  it.each([
    ['20.20.2', 2],
    ['22.17.1', 2],
    ['24.1.0', 0],
  ])('says under Node %s which Node it needs, if that one is too old', (version, code) => {
    const pretend = `data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'${version}'}})`;
    const ran = spawnSync(process.execPath, ['--import', pretend, join(ROOT, 'src/cli/start.js'), 'schema']);
    expect([ran.status, ran.stderr.toString()]).toEqual([
      code,
      code === 0 ? '' : expect.stringContaining(`this is Node ${version}, and Postern needs 22.18 or newer`),
    ]);
  });
});

/** What `postern dev` prints up to a line, without `--json`. It is interrupted when it is ready. */
async function printedByDev(args: readonly string[], last: RegExp): Promise<string> {
  const command = ['src/cli/postern.ts', 'dev', '--port', '0', '--lambda-port', '0', ...args];
  const child = spawn(process.execPath, command, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new Promise((ended) => child.once('exit', ended));
  let text = '';
  for await (const line of createInterface({ input: child.stdout })) {
    text += `${line}\n`;
    if (last.test(line)) break;
    if (/^Press Ctrl-C to stop/.test(line)) child.kill('SIGINT');
  }
  child.kill('SIGTERM');
  await exited;
  return text;
}

describe('the banner', () => {
  it("names the developer's own functions, and calls the first of them", async () => {
    const functions = join(outside, 'own');
    mkdirSync(join(functions, 'zebra'), { recursive: true });
    for (const file of ['orders.ts', 'zebra/index.mjs'])
      writeFileSync(join(functions, file), 'export const handler = async () => 1;');
    writeFileSync(join(functions, 'readme.md'), '');
    const text = await printedByDev(['--functions', functions, '--state', join(outside, 'named')], /^Stopped/);
    expect(text).toMatch(/^ {2}functions +orders, zebra$/m);
    expect(text).toMatch(/^ {2}account +123456789012, region us-east-1$/m);
    expect(text).toContain("/2015-03-31/functions/orders/invocations -H 'x-api-key: postern_");
    expect(text).toContain("FunctionName: 'orders'");
    expect(text).toMatch(/\nStopped\.\n$/);
  });

  it('cannot know the functions of another Lambda', async () => {
    const endpoint = `http://127.0.0.1:${await freePort()}`;
    const args = ['--lambda-endpoint', endpoint, '--state', join(outside, 'elsewhere')];
    const text = await printedByDev(args, /^Press Ctrl-C to stop/);
    expect(text).toMatch(/^ {2}account +000000000000, region us-east-1$/m);
    expect(text).toContain('with the name of a function in place of my-function');
  });
});

describe('first hour A12: a start that is not well', () => {
  it('says that the first call failed', async () => {
    const functions = join(outside, 'functions');
    mkdirSync(functions);
    writeFileSync(join(functions, 'hello.js'), "exports.handler = async () => { throw new Error('mine is broken'); };");
    const args = ['--functions', functions, '--state', join(outside, 'failing')];
    const text = await printedByDev(args, /^Press Ctrl-C to stop/);
    expect(text).toMatch(/A first call to `hello` FAILED \(Unhandled\): .*mine is broken/);
    expect(text).not.toContain('was answered 200');
  });

  it('says that nothing is where Lambda should be', async () => {
    const endpoint = `http://127.0.0.1:${await freePort()}`;
    const args = ['--lambda-endpoint', endpoint, '--state', join(outside, 'nobody')];
    expect(await printedByDev(args, /^Press Ctrl-C to stop/)).toContain(
      `Nothing answers at --lambda-endpoint ${endpoint} (ECONNREFUSED)`,
    );
  });
});

describe('first hour A13: no untruths', () => {
  const postern = usePostern();

  it('does not say of what cannot have been sent that it may have been done', async () => {
    const env = { POSTERN_API_KEY: 'x', POSTERN_ADMIN_TOKEN: 'x' };
    for (const url of [`http://127.0.0.1:${await freePort()}`, 'https://nowhere.invalid']) {
      for (const args of [
        ['invoke', 'hello'],
        ['tenants', 'create', '--name', 'A'],
      ]) {
        const { code, stderr } = await runCli([...args, '--url', url], { env });
        expect([code, stderr]).toEqual([1, expect.stringContaining('gave no answer')]);
        expect(stderr).not.toContain('The change may have been made');
      }
    }
    // What was cut off after it was sent may have been.
    const cutting = createServer((request) => request.socket.destroy()).listen(0, '127.0.0.1');
    await new Promise((listening) => cutting.once('listening', listening));
    const url = `http://127.0.0.1:${(cutting.address() as AddressInfo).port}`;
    expect((await runCli(['tenants', 'create', '--name', 'A', '--url', url], { env })).stderr).toContain(
      'The change may have been made',
    );
    cutting.close();
  });

  it('marks expired keys, and a refused call is no use of one', async () => {
    const { id } = await makeTenant(postern, [{ function: '*' }]);
    const expiresAt = new Date(Date.now() + 1_500).toISOString();
    const short = await admin<{ id: string; apiKey: string }>(postern, 'POST', `/tenants/${id}/keys`, { expiresAt });
    const headers = { 'x-api-key': short.body.apiKey };
    while ((await send(postern.gateway, invokePath('hello'), { headers })).status === 200) {
      await new Promise((waited) => setTimeout(waited, 200));
    }
    for (let n = 0; n < 3; n++)
      expect((await send(postern.gateway, invokePath('hello'), { headers })).status).toBe(403);
    const env = { POSTERN_URL: postern.gateway, POSTERN_ADMIN_TOKEN: postern.adminToken };
    const { stdout } = await runCli(['keys', 'list', id], { env });
    expect(stdout).toContain(`${expiresAt} (expired)`);
    expect((await runCli(['keys', 'list', '--help'])).stdout).toContain('expired ones are marked');
    const listed = await admin<{ keys: { id: string; lastUsedAt: string | null }[] }>(
      postern,
      'GET',
      `/tenants/${id}/keys`,
    );
    const lastUsed = listed.body.keys.find((key) => key.id === short.body.id)?.lastUsedAt ?? expiresAt;
    expect(Date.parse(lastUsed)).toBeLessThanOrEqual(Date.parse(expiresAt));
  });
});

const hasPython = spawnSync('python3', ['--version']).status === 0;
if (!hasPython) console.warn('B13 on a terminal is skipped: it takes python3 for a pseudo-terminal');

describe('B13: what comes from elsewhere, on a terminal', () => {
  const EVIL = '\u001b[2J\u001b]0;title\u0007\u009b31m\u202etxt';

  it('has its controls shown as escapes', () => {
    expect(escapeControls(`a${EVIL}\n\tb`)).toBe('a\\x1b[2J\\x1b]0;title\\x07\\x9b31m\\u202etxt\n\tb');
  });

  it.runIf(hasPython)('is shown so by the commands, and off a terminal as it is', async () => {
    const tail = Buffer.from(`log ${EVIL}\n`).toString('base64');
    const server = createServer((request, response) => {
      request.resume();
      if (request.url?.startsWith('/admin')) {
        response.writeHead(400, { 'content-type': 'application/problem+json' });
        response.end(JSON.stringify({ status: 400, detail: `detail ${EVIL}` }));
      } else {
        response.writeHead(200, { 'x-amz-log-result': tail });
        response.end(JSON.stringify('x').replace('x', EVIL));
      }
    }).listen(0, '127.0.0.1');
    await new Promise((listening) => server.once('listening', listening));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const env = { PATH: process.env.PATH ?? '', POSTERN_API_KEY: 'x', POSTERN_ADMIN_TOKEN: 'x', POSTERN_URL: url };
    const onTerminal = async (...args: string[]) => {
      const pty = 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)';
      const child = spawn('python3', ['-c', pty, process.execPath, join(ROOT, 'src/cli/postern.ts'), ...args], { env });
      child.stdin.end();
      let text = '';
      for await (const chunk of child.stdout) text += chunk;
      return text;
    };
    for (const args of [
      ['invoke', 'hello', '--log'],
      ['tenants', 'list'],
      ['tenants', 'get', `t1_b${'a'.repeat(29)}`],
    ]) {
      const text = await onTerminal(...args);
      expect(text).toMatch(/\n$/);
      expect(text).toContain('\\x1b[2J\\x1b]0;title\\x07\\x9b31m\\u202etxt');
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
      expect(text).not.toMatch(/\x1b\[2J|\x1b\]|\x07|\u009b|\u202e/);
    }
    const piped = await runCli(['invoke', 'hello', '--log'], { env });
    expect([piped.stdout, piped.stderr]).toEqual([expect.stringContaining(EVIL), expect.stringContaining(EVIL)]);
    server.close();
  });
});
