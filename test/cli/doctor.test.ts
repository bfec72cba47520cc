import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../src/emulator/start.ts';
import { runCli } from '../support/cli.ts';
import { admin } from '../support/postern.ts';
import { usePostern } from '../support/use-postern.ts';
import { freePort } from '../support/workerd.ts';

const postern = usePostern();
const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: randomBytes(20).toString('hex') };
let emulator: Awaited<ReturnType<typeof startEmulator>>;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postern-doctor-'));
  emulator = await startEmulator({ port: 0, accountId: '123456789012', credentials, log: () => {} });
});
afterAll(async () => {
  await emulator.close();
  await rm(folder, { recursive: true, force: true });
});

const good = () => ({
  POSTERN_ROOT_KEYS: `1:${randomBytes(32).toString('base64')}`,
  POSTERN_ADMIN_TOKEN: randomBytes(32).toString('hex'),
  AWS_ACCOUNT_ID: '123456789012',
  AWS_ACCESS_KEY_ID: credentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  AWS_ENDPOINT_URL_LAMBDA: emulator.url,
});
interface Finding {
  readonly check: string;
  readonly status: string;
  readonly message: string;
  readonly fix?: string;
}
const examine = async (settings: Record<string, string>, ...args: string[]) => {
  const file = join(folder, 'settings.env');
  await writeFile(
    file,
    Object.entries(settings)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
    { mode: 0o600 },
  );
  const { code, stdout, stderr } = await runCli(['doctor', '--json', '--settings', file, ...args]);
  for (const secret of [settings.AWS_SECRET_ACCESS_KEY, settings.POSTERN_ADMIN_TOKEN, settings.POSTERN_ROOT_KEYS]) {
    if (secret) expect(stdout + stderr).not.toContain(secret);
  }
  const { findings } = JSON.parse(stdout) as { findings: Finding[] };
  for (const { status, fix } of findings) if (status !== 'ok') expect(fix).toMatch(/\w/);
  const of = (check: string) =>
    findings.filter((one) => one.check === check).map(({ status, message }) => [status, message].join(': '));
  return { code, stderr, findings, of };
};

describe('postern doctor', () => {
  it('finds nothing wrong with what is right', async () => {
    const { code, findings } = await examine(good(), '--function', 'hello');
    expect(findings.filter(({ status }) => status === 'warn' || status === 'fail')).toEqual([]);
    expect(findings.map(({ check }) => check)).toEqual([
      'settings',
      'root key 1',
      'admin token',
      'wrangler.toml',
      'credentials',
      'clock of Lambda',
      'gateway',
    ]);
    expect(code).toBe(0);
  });

  it('looks at a gateway that is named, and prints for people too', async () => {
    const env = { POSTERN_URL: postern.gateway, POSTERN_ADMIN_TOKEN: postern.adminToken };
    const { code, stdout, stderr } = await runCli(['doctor'], { env });
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain(`ok       gateway: ${postern.gateway} answers and accepts the admin token`);
    expect(stdout).toContain('skipped  settings: no settings given');
    const wrong = await runCli(['doctor'], { env: { ...env, POSTERN_ADMIN_TOKEN: 'x'.repeat(40) } });
    expect(wrong.code).toBe(1);
    expect(wrong.stdout).toContain('does not accept the admin token');
    const elsewhere = { ...env, POSTERN_URL: `http://127.0.0.1:${await freePort()}` };
    const nobody = await runCli(['doctor'], { env: elsewhere });
    expect(nobody.stdout).toContain('gave no answer (ECONNREFUSED)');
  });

  it('warns of a GitHub repository that a tenant trusts by its name alone', async () => {
    const issuer = 'https://token.actions.githubusercontent.com';
    const claims = { sub: ['repo:acme/orders:*'] };
    const { body } = await admin<{ id: string }>(postern, 'POST', '/tenants', {
      name: 'Trusting',
      issuers: [{ issuer, claims }],
    });
    const env = { POSTERN_URL: postern.gateway, POSTERN_ADMIN_TOKEN: postern.adminToken };
    const { stdout } = await runCli(['doctor', '--json'], { env });
    const { findings } = JSON.parse(stdout) as { findings: Finding[] };
    expect(findings.filter(({ check }) => check === 'issuers of tenants')).toEqual([
      {
        check: 'issuers of tenants',
        status: 'warn',
        message: expect.stringMatching(new RegExp(`^Trusting \\(${body.id}\\): #/issuers/0/claims .*take a name\\.$`)),
        fix: expect.stringMatching(/^Require 'repository_id'/),
      },
    ]);
    const explained = await runCli(['explain', 'Trusting', 'hello'], { env });
    expect(explained.stdout).toContain('\nwarning: #/issuers/0/claims names GitHub repositories only by name');
    await admin(postern, 'PATCH', `/tenants/${body.id}`, {
      issuers: [{ issuer, claims: { ...claims, repository_id: ['123456789'] } }],
    });
    expect((await runCli(['doctor'], { env })).stdout).not.toContain('issuers of tenants');
  });

  it('names settings that are missing or malformed', async () => {
    const { code, of } = await examine({ POSTERN_ROOT_KEYS: '1:c2hvcnQ=', AWS_ACCOUNT_ID: '12' });
    expect(code).toBe(1);
    expect(of('settings')).toEqual([
      'fail: POSTERN_ROOT_KEYS version 1 has 5 bytes; make one of 32',
      'fail: POSTERN_ADMIN_TOKEN is not set',
      'fail: AWS_ACCOUNT_ID must be twelve digits',
      'fail: AWS_ACCESS_KEY_ID is not set',
      'fail: AWS_SECRET_ACCESS_KEY is not set',
    ]);
  });

  it.each([
    ['ten different bytes', Uint8Array.from({ length: 32 }, (_, index) => (index % 10) * 21), 'its bytes repeat'],
    ['counted bytes', Uint8Array.from({ length: 32 }, (_, index) => index * 3), 'its bytes are evenly spaced'],
    ['a word', Buffer.from('correct horse battery staple 12345'), 'it is text'],
  ])('finds a root key of %s', async (_, secret, words) => {
    const keys = `2:${randomBytes(32).toString('base64')},1:${Buffer.from(secret).toString('base64')}`;
    const { code, of } = await examine({ ...good(), POSTERN_ROOT_KEYS: keys });
    expect(code).toBe(1);
    expect(of('root key 1').join()).toContain(words);
    expect(of('root key 2').join()).toContain('look random');
  });

  it('finds a root key under two versions', async () => {
    const key = randomBytes(32).toString('base64');
    const { code, of } = await examine({ ...good(), POSTERN_ROOT_KEYS: `2:${key},1:${key}` });
    expect(code).toBe(1);
    expect(of('settings').join()).toMatch(/^fail: POSTERN_ROOT_KEYS .*2.*1/);
  });

  it('says all else when it has no token for the gateway', async () => {
    const { POSTERN_ADMIN_TOKEN: _, ...settings } = good();
    const { code, of } = await examine(settings, '--url', postern.gateway);
    expect([code, of('root key 1').join()]).toEqual([1, expect.stringContaining('look random')]);
    expect(of('gateway').join()).toContain('fail: no admin token for ');
  });

  it('takes the admin token for --url from the file, and names admin tokens whose root key the file lacks', async () => {
    await admin(postern, 'POST', '/admin-tokens', { name: 'dashboard', access: 'read' });
    const settings = { ...good(), POSTERN_ADMIN_TOKEN: postern.adminToken };
    const same = await examine(settings, '--url', postern.gateway);
    expect([same.of('gateway').join(), same.of('admin tokens')]).toEqual([expect.stringMatching(/^ok: /), []]);
    const POSTERN_ROOT_KEYS = good().POSTERN_ROOT_KEYS.replace('1:', '2:');
    const dropped = await examine({ ...settings, POSTERN_ROOT_KEYS }, '--url', postern.gateway);
    expect(dropped.of('admin tokens')).toEqual([
      expect.stringMatching(/^warn: dashboard \(a1_\w+\) is refused: root key version 1 is missing from the settings$/),
    ]);
  });

  it('finds an account that is not the one of the credentials', async () => {
    const { code, of } = await examine({ ...good(), AWS_ACCOUNT_ID: '999999999999' }, '--function', 'hello');
    expect(code).toBe(1);
    expect(of('credentials').join()).toMatch(/^fail: Lambda accepts them, but .*hello/);
  });

  it('finds an admin token that is no secret', async () => {
    expect((await examine({ ...good(), POSTERN_ADMIN_TOKEN: 'a'.repeat(40) })).of('admin token').join()).toContain(
      'fail',
    );
  });

  it('finds what Lambda says of the credentials', async () => {
    const other = await examine({ ...good(), AWS_SECRET_ACCESS_KEY: 'another' });
    expect(other.of('credentials')).toEqual(['fail: Lambda did not accept the signature']);
    const unknown = await examine({ ...good(), AWS_ACCESS_KEY_ID: 'AKIDOTHER' });
    expect(unknown.of('credentials').join()).toContain('fail: Lambda does not know AWS_ACCESS_KEY_ID');
    const missing = await examine(good(), '--function', 'not-there');
    expect(missing.of('credentials')).toEqual(['fail: Lambda accepts them, but there is no function not-there']);
    const nobody = await examine({ ...good(), AWS_ENDPOINT_URL_LAMBDA: `http://127.0.0.1:${await freePort()}` });
    expect(nobody.of('credentials').join()).toContain('gave no answer (ECONNREFUSED)');
  });

  it('finds a clock that is off', async () => {
    const server = createServer((_, response) => {
      response.setHeader('date', new Date(Date.now() + 400_000).toUTCString());
      response.setHeader('x-amzn-errortype', 'ResourceNotFoundException').writeHead(404).end('{}');
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const { of } = await examine({ ...good(), AWS_ENDPOINT_URL_LAMBDA: `http://127.0.0.1:${port}` });
    server.close();
    expect(of('clock of Lambda').join()).toMatch(/^fail: this machine's clock is (399|400) seconds behind it/);
  });

  it('finds what a wrangler.toml lacks, and a secret in it', async () => {
    const file = join(folder, 'wrangler.toml');
    await writeFile(
      file,
      `name = "x"
main = "worker.ts"
compatibility_date = "2026-09-30"
[vars]
POSTERN_ADMIN_TOKEN = "0123456789"
[observability]
enabled = true
[[durable_objects.bindings]]
name = "TENANT"
class_name = "Tenant"
`,
    );
    const { code, findings, of } = await examine(good(), '--config', file);
    expect(code).toBe(1);
    expect(of('wrangler.toml')).toEqual([
      'fail: the class Tenant has no SQLite storage',
      'fail: the Durable Object DIRECTORY is not bound',
      'fail: the class Directory has no SQLite storage',
      "fail: compatibility_date is 2026-09-30: a tenant's object may be evicted while it works",
      'fail: the flag enable_request_signal is off',
      'fail: POSTERN_ADMIN_TOKEN is a secret, but is set in a file that is shared',
      "warn: Cloudflare's log would hold the signatures of presigned requests",
      'warn: workers_dev is not set: Cloudflare decides whether the gateway is also at workers.dev',
    ]);
    expect(JSON.stringify(findings)).not.toContain('0123456789');
    expect((await examine(good(), '--config', join(folder, 'none.toml'))).of('wrangler.toml').join()).toContain(
      'cannot be read',
    );
  });

  it('C2: says of workers.dev and preview URLs that they stay open beside a domain', async () => {
    const own = await readFile(join(import.meta.dirname, '../../wrangler.toml'), 'utf8');
    const file = join(folder, 'domain.toml');
    const withRoute = `routes = [{ pattern = "gateway.example.com", custom_domain = true }]\n${own}`;
    await writeFile(file, withRoute);
    expect((await examine(good(), '--config', file)).of('wrangler.toml')).toEqual([
      'warn: the gateway is open at workers.dev as well as at its own route',
    ]);
    await writeFile(file, withRoute.replace(/^preview_urls = false/m, 'preview_urls = true'));
    expect((await examine(good(), '--config', file)).of('wrangler.toml')).toHaveLength(2);
    await writeFile(file, withRoute.replace(/^workers_dev = true/m, 'workers_dev = false'));
    expect((await examine(good(), '--config', file)).of('wrangler.toml')).toEqual([
      'ok: has everything that the Worker needs',
    ]);
  });

  it('has a help with examples', async () => {
    const { code, stdout } = await runCli(['doctor', '--help']);
    expect([code, stdout.includes('Examples:'), stdout.includes('Exit codes:')]).toEqual([0, true, true]);
  });
});
