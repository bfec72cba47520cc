import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type CliResult, runCli } from '../support/cli.ts';
import { admin } from '../support/postern.ts';
import { usePostern } from '../support/use-postern.ts';

const postern = usePostern();
const SECRET = 'secret-of-nobody-else-0123456789abcdef';
const LIST = ['tenants', 'list', '--json'];

let folder: string;
const seen: string[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postern-connection-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});
// What any of these commands said holds no secret: neither the gateway's nor one that it was given.
afterEach(() => {
  const said = seen.splice(0).join('');
  for (const secret of [SECRET, postern.adminToken, postern.demo.apiKey]) expect(said).not.toContain(secret);
});

async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<CliResult> {
  const result = await runCli(args, { env });
  seen.push(result.stdout, result.stderr);
  return result;
}

/** That it reached the gateway of this file and said nothing else. */
function expectListed({ code, stdout, stderr }: CliResult): void {
  expect([code, stderr]).toEqual([0, '']);
  expect(JSON.parse(stdout)).toMatchObject({ tenants: [{ id: postern.demo.tenantId, name: 'demo' }] });
}

const said = (code: number, words: string) => ({ code, stdout: '', stderr: expect.stringContaining(words) });

const inEnv = (more = {}) => ({ POSTERN_URL: postern.gateway, POSTERN_ADMIN_TOKEN: postern.adminToken, ...more });

let files = 0;
/** Writes a file of profiles. @returns the environment that names it. */
async function write(content: unknown, mode = 0o600): Promise<{ POSTERN_CONFIG: string }> {
  const file = join(folder, `config${files++}.json`);
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  await chmod(file, mode);
  return { POSTERN_CONFIG: file };
}

/** Serves until the test is done. */
async function serve(listener: RequestListener): Promise<{ url: string; close: () => void }> {
  const server = createServer(listener);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

describe('the gateway', () => {
  it('is that of POSTERN_URL with POSTERN_ADMIN_TOKEN, and --url wins', async () => {
    expectListed(await run(LIST, inEnv()));
    expectListed(await run(LIST, inEnv({ POSTERN_URL: `${postern.gateway}/` })));
    expectListed(await run([...LIST, '--url', `${postern.gateway}/`], inEnv()));
    expectListed(await run([...LIST, '--url', postern.gateway], { POSTERN_ADMIN_TOKEN: postern.adminToken }));
  });

  it('is one of the profiles: that of --profile, else the default', async () => {
    const profiles = {
      here: { url: postern.gateway, adminToken: postern.adminToken },
      gone: { url: 'http://127.0.0.1:1', adminToken: SECRET },
    };
    const config = await write({ profiles, default: 'here' });
    expectListed(await run(LIST, config));
    expectListed(await run([...LIST, '--profile', 'here'], config));
    expectListed(await run([...LIST, '--profile', 'here'], { ...config, POSTERN_URL: 'http://127.0.0.1:1' }));
    // The token of a profile is its own: that of the environment does not replace it.
    expectListed(await run(LIST, { ...config, POSTERN_ADMIN_TOKEN: SECRET }));
    expect(await run([...LIST, '--profile', 'gone'], config)).toEqual(said(1, 'http://127.0.0.1:1 gave no answer'));
    const both = await run([...LIST, '--profile', 'here', '--url', postern.gateway], config);
    expect(both).toEqual(said(2, "cannot be used with option '--profile <name>'"));
  });

  it('may be a profile without a token, which the environment then holds', async () => {
    const config = await write({ profiles: { here: { url: postern.gateway } }, default: 'here' }, 0o644);
    expectListed(await run(LIST, { ...config, POSTERN_ADMIN_TOKEN: postern.adminToken }));
    expect(await run(LIST, config)).toEqual(
      said(2, `set POSTERN_ADMIN_TOKEN, or "adminToken" in a profile in ${config.POSTERN_CONFIG}`),
    );
  });

  it('is looked for in ~/.config/postern/config.json', async () => {
    const file = join(folder, 'home/.config/postern/config.json');
    await mkdir(dirname(file), { recursive: true });
    const profiles = { here: { url: postern.gateway, adminToken: postern.adminToken } };
    await writeFile(file, JSON.stringify({ profiles, default: 'here' }), { mode: 0o600 });
    expectListed(await run(LIST, { HOME: join(folder, 'home') }));
  });

  it('is asked for where nothing names it', async () => {
    expect(await run(LIST)).toEqual(said(2, 'no gateway given: set POSTERN_URL and POSTERN_ADMIN_TOKEN'));
    expect(await run(LIST, { POSTERN_ADMIN_TOKEN: SECRET })).toEqual(said(2, 'no gateway given'));
    const unset = await run(LIST, { POSTERN_URL: postern.gateway });
    expect(unset).toEqual(said(2, `no admin token for ${postern.gateway} (from POSTERN_URL)`));
  });

  it('is not that of a profile when its token is for another address', async () => {
    const config = await write({ profiles: { here: { url: postern.gateway, adminToken: SECRET } }, default: 'here' });
    expect(await run([...LIST, '--url', postern.gateway], config)).toEqual(said(2, 'no admin token for'));
    expect(await run(LIST, { ...config, POSTERN_URL: postern.gateway })).toEqual(said(2, 'no admin token for'));
  });
});

describe('C8: the token of the environment', () => {
  it('goes to the address of the environment, and to no other that a flag or a profile names', async () => {
    const other = await serve((_, response) => response.end('{"tenants":[],"cursor":null}'));
    const config = await write({ profiles: { other: { url: other.url } }, default: 'other' });
    const words = `belongs to POSTERN_URL (${postern.gateway}) and is not sent to ${other.url}`;
    expect(await run([...LIST, '--url', other.url], inEnv())).toEqual(said(2, words));
    expect(await run([...LIST, '--profile', 'other'], inEnv(config))).toEqual(said(2, words));
    // If the environment names no address, the token goes to the given address.
    expect(await run([...LIST, '--url', other.url], { POSTERN_ADMIN_TOKEN: SECRET })).toMatchObject({ code: 0 });
    other.close();
  });
});

describe('the file of profiles', () => {
  const here = { url: 'http://127.0.0.1:1', adminToken: SECRET };

  it('reports an unknown profile, and names the known ones', async () => {
    const config = await write({ profiles: { here, there: here }, default: 'nowhere' });
    const has = `${config.POSTERN_CONFIG} has no profile`;
    expect(await run(LIST, config)).toEqual(said(2, `default: ${has} "nowhere"; it has: here, there`));
    expect(await run([...LIST, '--profile', 'x'], config)).toEqual(
      said(2, `--profile: ${has} "x"; it has: here, there`),
    );
    const none = { POSTERN_CONFIG: join(folder, 'none.json') };
    expect(await run([...LIST, '--profile', 'x'], none)).toEqual(said(2, 'none.json has no profile "x"; it has: none'));
    expect((await run([...LIST, '--profile', '__proto__'], config)).code).toBe(2);
  });

  it.each([
    ['is cut short', `{"profiles": {"here": {"adminToken": "${SECRET}"`, 'it is not JSON'],
    ['is empty', '', 'it is not JSON'],
    ['has no profiles', '{}', '/profiles: '],
    ['has a profile without an address', { profiles: { here: { adminToken: SECRET } } }, '/profiles/here/url: '],
    ['has a field too many', { profiles: { here: { ...here, token: SECRET } } }, '/profiles/here/token: '],
    ['has an address with a path', { profiles: { here: { ...here, url: 'https://x/y' } } }, 'must be http(s)://host'],
    ['has a password in it', { profiles: { here: { url: `https://me:${SECRET}@x` } } }, 'must be http(s)://host'],
  ])('that %s is reported, and never quoted', async (_, content, words) => {
    const config = await write(content);
    const result = await run([...LIST, '--profile', 'here'], config);
    expect(result).toEqual(said(2, config.POSTERN_CONFIG));
    expect(result.stderr).toContain(words);
  });

  it('does not matter where --url or POSTERN_URL names the gateway', async () => {
    const config = await write('{');
    expectListed(await run(LIST, inEnv(config)));
    expectListed(await run([...LIST, '--url', postern.gateway], inEnv({ ...config, POSTERN_URL: '' })));
  });

  it.skipIf(process.platform === 'win32')('is warned of when others can read the tokens in it', async () => {
    const profiles = { here: { url: postern.gateway, adminToken: postern.adminToken } };
    const config = await write({ profiles, default: 'here' }, 0o640);
    const { code, stdout, stderr } = await run(LIST, config);
    expect([code, JSON.parse(stdout).tenants.length]).toEqual([0, 1]);
    expect(stderr).toBe(
      `postern: others on this machine can read the tokens in ${config.POSTERN_CONFIG}; fix it with: chmod 600 ${config.POSTERN_CONFIG}\n`,
    );
  });

  it('that is a folder is reported as one', async () => {
    expect(await run(LIST, { POSTERN_CONFIG: folder })).toEqual(said(2, `${folder} cannot be read: EISDIR`));
  });
});

describe('the token', () => {
  it('that is wrong ends with 4', async () => {
    const wrong = await run(LIST, inEnv({ POSTERN_ADMIN_TOKEN: SECRET }));
    expect(wrong).toEqual(said(4, `${postern.gateway} answered 401`));
    expect(wrong.stderr).toContain('Check that POSTERN_ADMIN_TOKEN, or the profile, is for this gateway.');
    // A caller's key is no admin token.
    expect((await run(LIST, inEnv({ POSTERN_ADMIN_TOKEN: postern.demo.apiKey }))).code).toBe(4);
  });

  it('that may only read ends with 4 at a change', async () => {
    const { body } = await admin<{ token: string }>(postern, 'POST', '/admin-tokens', { name: 'r', access: 'read' });
    const env = inEnv({ POSTERN_ADMIN_TOKEN: body.token });
    expectListed(await run(LIST, env));
    expect((await run(['explain', 'demo', 'hello'], env)).code).toBe(0);
    expect(await run(['tenants', 'suspend', 'demo'], env)).toEqual(said(4, 'This admin token may only read.'));
    expect(await run(['tenants', 'create', '--name', 'x'], env)).toEqual(said(4, 'may only read'));
  });

  it.each([`${SECRET} x`, `${SECRET}\n`, `${SECRET}ä`])('that no header carries, %j, is refused', async (token) => {
    const result = await run(LIST, inEnv({ POSTERN_ADMIN_TOKEN: token }));
    expect(result).toEqual(said(2, 'the admin token must be visible ASCII without white space'));
  });

  it('does not travel over plain HTTP to another machine; nor does a key', async () => {
    // 192.0.2.1 is nobody's (RFC 5737): a request would not end with 2.
    const url = 'http://192.0.2.1';
    const words = `must not travel over plain HTTP to another machine: use https in POSTERN_URL (${url})`;
    expect(await run(LIST, inEnv({ POSTERN_URL: url }))).toEqual(said(2, `An admin token ${words}`));
    const call = { POSTERN_URL: url, POSTERN_API_KEY: postern.demo.apiKey };
    expect(await run(['invoke', 'hello'], call)).toEqual(said(2, `A key ${words}`));
    const config = await write({ profiles: { far: { url, adminToken: SECRET } }, default: 'far' });
    expect(await run(LIST, config)).toEqual(said(2, 'use https in profile far of'));
    const near = await run([...LIST, '--url', 'http://127.0.0.1.example.com'], { POSTERN_ADMIN_TOKEN: SECRET });
    expect(near).toEqual(said(2, 'use https in --url'));
  });

  it('is not sent on to where a gateway points', async () => {
    const taken: string[] = [];
    const thief = await serve((request, response) => {
      taken.push(request.headers.authorization ?? '');
      response.end('{}');
    });
    const pointing = await serve((_, response) => response.writeHead(307, { location: thief.url }).end());
    expect(await run(LIST, inEnv({ POSTERN_URL: pointing.url }))).toEqual(said(1, 'answered 307'));
    const call = { POSTERN_URL: pointing.url, POSTERN_API_KEY: postern.demo.apiKey };
    expect((await run(['invoke', 'hello'], call)).code).toBe(1);
    expect(taken).toEqual([]);
    pointing.close();
    thief.close();
  });
});

describe('an address', () => {
  it.each(['nowhere', 'ftp://x', 'https://x/path', 'https://x?y', `https://me:${SECRET}@x`, 'http://127.0.0.1:99999'])(
    'that is not valid, %s, is reported with its setting, and never quoted',
    async (url) => {
      expect(await run(LIST, inEnv({ POSTERN_URL: url }))).toEqual(said(2, 'POSTERN_URL must be http(s)://host'));
      expect(await run([...LIST, '--url', url], inEnv())).toEqual(said(2, '--url must be http(s)://host'));
    },
  );

  it('where nobody listens ends with 1; a change cannot have been made there, and that is not said', async () => {
    const gone = await serve(() => {});
    gone.close();
    const sentence = `postern: ${gone.url} gave no answer (ECONNREFUSED): check the address, and that the gateway runs.`;
    expect(await run(LIST, inEnv({ POSTERN_URL: gone.url }))).toEqual({ code: 1, stdout: '', stderr: `${sentence}\n` });
    const change = await run(['tenants', 'create', '--name', 'x'], inEnv({ POSTERN_URL: gone.url }));
    expect(change).toEqual({ code: 1, stdout: '', stderr: `${sentence}\n` });
    const call = { POSTERN_URL: gone.url, POSTERN_API_KEY: SECRET };
    expect(await run(['invoke', 'hello'], call)).toEqual(said(1, `${gone.url} gave no answer (ECONNREFUSED)`));
  });

  it('of something other than a gateway is recognised', async () => {
    const other = await serve((_, response) => response.end('<h1>It works!</h1>'));
    expect(await run(LIST, inEnv({ POSTERN_URL: other.url }))).toEqual(said(1, 'check that it is a Postern gateway'));
    other.close();
  });
});
