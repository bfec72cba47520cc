import { beforeAll, describe, expect, it } from 'vitest';
import { type CliResult, runCli } from '../support/cli.ts';
import { admin, invokePath, makeTenant, send } from '../support/postern.ts';
import { usePostern } from '../support/use-postern.ts';

const postern = usePostern();

/** Runs a command of the operator's at the gateway of this file. */
const run = (args: readonly string[], stdin = ''): Promise<CliResult> =>
  runCli(args, { env: { POSTERN_URL: postern.gateway, POSTERN_ADMIN_TOKEN: postern.adminToken }, stdin });

/** Runs one that does well. @returns what it wrote to standard output. */
async function printed(args: readonly string[], stdin = ''): Promise<string> {
  const { code, stdout, stderr } = await run(args, stdin);
  expect([args, code, stderr]).toEqual([args, 0, expect.any(String)]);
  return stdout;
}
const printedJson = async (args: readonly string[], stdin = '') =>
  JSON.parse(await printed([...args, '--json'], stdin));

/** Runs one that does not. */
async function failed(args: readonly string[], code: number, words: string | RegExp, stdin = ''): Promise<void> {
  const result = await run(args, stdin);
  expect([args, result]).toEqual([
    args,
    {
      code,
      stdout: '',
      stderr: typeof words === 'string' ? expect.stringContaining(words) : expect.stringMatching(words),
    },
  ]);
}

const NO_SUCH_ID = `t1_a${'b'.repeat(29)}`;

let names = 0;
const newName = () => `Tenant ${names++}`;

describe('postern tenants', () => {
  it('makes one of all that its options say', async () => {
    const tenant = await printedJson([
      ...['tenants', 'create', '--name', 'Acme', '--allow', 'orders-*', 'hello', '--region', 'eu-west-1'],
      ...['--rate', '0.5', '--quota', 'day=100', 'month=2000', '--concurrency', '5', '--max-payload-bytes', '1000'],
    ]);
    expect(tenant).toMatchObject({
      id: expect.stringMatching(/^t1_/),
      name: 'Acme',
      status: 'active',
      policy: { allow: [{ function: 'orders-*' }, { function: 'hello' }] },
      limits: {
        rate: { perSecond: 0.5, burst: 1 },
        concurrency: 5,
        maxPayloadBytes: 1000,
        quotas: [
          { period: 'day', requests: 100 },
          { period: 'month', requests: 2000 },
        ],
      },
      upstream: { region: 'eu-west-1' },
      version: 1,
    });
    expect((await admin(postern, 'GET', `/tenants/${tenant.id}`)).body).toEqual(tenant);
  });

  it('makes one of a file, where options win over it', async () => {
    const yaml =
      'name: From a file\npolicy:\n  allow:\n    - function: hello\nlimits: {concurrency: 3, maxPayloadBytes: 7}\n';
    const text = await printed(['tenants', 'create', '--file', '-'], yaml);
    expect(text).toMatch(
      /^id: t1_\w+\nname: From a file\nstatus: active\npolicy:\n {2}allow:\n {4}- function: hello\n/,
    );
    const made = await printedJson(['tenants', 'create', '--file', '-', '--name', 'Mine', '--concurrency', '4'], yaml);
    expect(made).toMatchObject({ name: 'Mine', limits: { concurrency: 4, maxPayloadBytes: 7 } });
  });

  it('says with its line what is wrong with a file', async () => {
    await failed(['tenants', 'create', '--file', '-'], 2, /\(standard input\):2:1: .*polcy/, 'name: X\npolcy: {}\n');
    await failed(['tenants', 'create', '--file', '/no/such'], 2, '/no/such cannot be read: ENOENT');
  });

  it("says what the gateway finds wrong, by the field's pointer", async () => {
    await failed(['tenants', 'create'], 2, 'a tenant needs a name: give --name, or a file with one');
    await failed(['tenants', 'create', '--name', ''], 2, '#/name: must not be empty');
    await failed(
      ['tenants', 'create', '--name', 'X', '--region', 'mars'],
      2,
      '#/upstream/region: must be an AWS region',
    );
    await failed(['tenants', 'create', '--name', 'X', '--quota', 'year=5'], 2, '#/limits/quotas/0/period: ');
  });

  it('lists them over all pages, oldest first', async () => {
    const made: string[] = [];
    for (let i = 0; i < 101; i++) made.push((await makeTenant(postern, [])).id);
    const { tenants } = await printedJson(['tenants', 'list']);
    const ids: string[] = tenants.map(({ id }: { id: string }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids[0]).toBe(postern.demo.tenantId);
    expect(ids.filter((id) => made.includes(id))).toEqual(made);
    const [heading, first, ...rest] = (await printed(['tenants', 'list'])).trimEnd().split('\n');
    expect(heading).toMatch(/^ID +NAME +STATUS +CREATED$/);
    expect(first).toMatch(new RegExp(`^${postern.demo.tenantId} +demo +active +\\d{4}-`));
    expect(rest).toHaveLength(ids.length - 1);
  });

  it('shows one by its name, and by its id where several have the name', async () => {
    const name = newName();
    const { id } = await makeTenant(postern, [], { name });
    expect(await printed(['tenants', 'get', name])).toContain(`id: ${id}\nname: ${name}\n`);
    expect(await printedJson(['tenants', 'get', id])).toMatchObject({ id, name });
    const other = await makeTenant(postern, [], { name });
    await failed(['tenants', 'get', name], 2, `nothing was changed. Name one by its id: ${id}, ${other.id}`);
    expect(await printedJson(['tenants', 'get', other.id])).toMatchObject({ id: other.id });
  });

  it('warns of a name that another tenant has, and makes the tenant', async () => {
    const name = newName();
    const first = await makeTenant(postern, [], { name });
    const second = await run(['tenants', 'create', '--name', name, '--json']);
    const { id } = JSON.parse(second.stdout);
    const warning = (own: string) => `warning: "${name}" is now ambiguous: ${first.id}, ${own} have this name.`;
    expect([second.code, second.stderr]).toEqual([0, expect.stringContaining(warning(id))]);
    await admin(postern, 'DELETE', `/tenants/${id}`);
    const third = await makeTenant(postern, []);
    const renamed = await run(['tenants', 'update', third.id, '--name', name, '--json']);
    expect([renamed.code, renamed.stderr]).toEqual([0, expect.stringContaining(warning(third.id))]);
    expect((await run(['tenants', 'create', '--name', newName(), '--json'])).stderr).toBe('');
  });

  it('changes what is named and keeps the rest; null removes', async () => {
    const name = newName();
    const limits = { concurrency: 3, maxPayloadBytes: 9, quotas: [{ period: 'day', requests: 5 }] };
    await makeTenant(postern, [{ function: 'hello' }], { name, limits });
    expect(await printed(['tenants', 'update', name, '--concurrency', '4'])).toContain('concurrency: 4');
    const patch = '{"limits": {"quotas": null}}';
    const changed = await printedJson(['tenants', 'update', name, '--file', '-', '--rate', '7:9'], patch);
    expect(changed).toMatchObject({ policy: { allow: [{ function: 'hello' }] }, version: 3 });
    expect(changed.limits).toEqual({ concurrency: 4, maxPayloadBytes: 9, rate: { perSecond: 7, burst: 9 } });
    await failed(['tenants', 'update', name], 2, 'nothing to change');
    await failed(['tenants', 'update', name, '--concurrency', '0'], 2, '#/limits/concurrency: ');
  });

  it('changes only the version that is named, and ends with 6 on another', async () => {
    const name = newName();
    await makeTenant(postern, [], { name });
    await printed(['tenants', 'update', name, '--concurrency', '4', '--if-version', '1']);
    await failed(['tenants', 'update', name, '--concurrency', '5', '--if-version', '1'], 6, 'it is at version 2');
    expect((await printedJson(['tenants', 'get', name])).limits).toEqual({ concurrency: 4 });
  });

  it('suspends and resumes', async () => {
    const name = newName();
    const { id, apiKey } = await makeTenant(postern, [{ function: 'hello' }], { name });
    const headers = { 'x-api-key': apiKey, 'content-type': 'application/json' };
    const status = async () => (await send(postern.gateway, invokePath('hello'), { headers, body: '{}' })).status;
    expect(await printed(['tenants', 'suspend', name])).toBe(`${name} (${id}) is suspended\n`);
    await expect.poll(status, { timeout: 6_000 }).toBe(403);
    expect(await printed(['tenants', 'list'])).toMatch(new RegExp(`^${id} +${name} +suspended `, 'm'));
    expect(await printedJson(['tenants', 'resume', name])).toMatchObject({ id, status: 'active' });
    await expect.poll(status, { timeout: 6_000 }).toBe(200);
    expect(await printedJson(['tenants', 'suspend', name])).toMatchObject({ id, status: 'suspended' });
    expect(await printed(['tenants', 'resume', id])).toBe(`${name} (${id}) is active\n`);
  });

  it('deletes one that is confirmed, and no other', async () => {
    const name = newName();
    const { id } = await makeTenant(postern, [], { name });
    await failed(
      ['tenants', 'delete', name],
      2,
      `this would delete ${name} (${id}) with all its keys; confirm it with --yes`,
    );
    expect(await printedJson(['tenants', 'get', name])).toMatchObject({ id });
    expect(await printed(['tenants', 'delete', name, '--yes'])).toBe(`${name} (${id}) is deleted\n`);
    await failed(['tenants', 'get', name], 3, 'has no tenant with the name or id');
    await failed(['tenants', 'get', id], 3, 'There is no such tenant');
    const other = await makeTenant(postern, [], { name });
    expect(await printedJson(['tenants', 'delete', other.id, '--yes'])).toEqual({ deleted: other.id });
  });
});

describe('every command that names a tenant', () => {
  const COMMANDS = [
    [['tenants', 'get']],
    [['tenants', 'update', '--concurrency', '1']],
    [['tenants', 'suspend']],
    [['tenants', 'resume']],
    [['tenants', 'delete', '--yes']],
    [['keys', 'list']],
    [['keys', 'create']],
    [['usage']],
    [['audit']],
  ];
  it.each(COMMANDS)('%j ends with 3 where there is none', async (args) => {
    await failed([...args, 'Nobody'], 3, 'has no tenant with the name or id "Nobody"');
    await failed([...args, NO_SUCH_ID], 3, 'There is no such tenant');
  });
});

describe('postern keys', () => {
  const call = async (apiKey: string) => {
    const headers = { 'x-api-key': apiKey, 'content-type': 'application/json' };
    return (await send(postern.gateway, invokePath('hello'), { headers, body: '{}' })).status;
  };
  const name = 'Keys & Co';
  beforeAll(async () => {
    await admin(postern, 'POST', '/tenants', { name, policy: { allow: [{ function: 'hello' }] } });
  });

  it('makes one that works, and prints its secrets this once', async () => {
    const { code, stdout, stderr } = await run(['keys', 'create', name, '--name', 'production']);
    expect([code, stderr]).toEqual([0, 'Save the secrets now: they are not stored and cannot be shown again.\n']);
    const lines = /^apiKey +(postern_\w+)\naccessKeyId +(k1_\w+)\nsecretAccessKey +(\w+)\nexpiresAt +never\n$/.exec(
      stdout,
    );
    const [, apiKey = '', id = '', secret = ''] = lines ?? [];
    expect(await call(apiKey)).toBe(200);
    const [plain, json] = await Promise.all([printed(['keys', 'list', name]), printedJson(['keys', 'list', name])]);
    expect(plain).toMatch(
      new RegExp(`^ID +NAME +CREATED +EXPIRES +LAST USED\n${id} +production +\\S+ +never +\\S+\n$`),
    );
    expect(json).toEqual({ keys: [expect.objectContaining({ id, name: 'production', expiresAt: null })] });
    for (const text of [plain, JSON.stringify(json)]) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(apiKey);
    }
  });

  it('makes one that expires, after a duration or at a time', async () => {
    const before = Date.now();
    const key = await printedJson(['keys', 'create', name, '--expires', '30d']);
    const lives = Date.parse(key.expiresAt) - 30 * 86_400_000;
    expect([lives >= before, lives <= Date.now()]).toEqual([true, true]);
    const timed = await printedJson(['keys', 'create', name, '--expires', '2100-01-31T01:00:00+01:00']);
    expect(timed.expiresAt).toBe('2100-01-31T00:00:00.000Z');
    await failed(
      ['keys', 'create', name, '--expires', '2020-01-01T00:00:00Z'],
      2,
      '#/expiresAt: must be in the future',
    );
  });

  it('rotates one, which works on for its grace and no longer', async () => {
    const old = await printedJson(['keys', 'create', name]);
    const { code, stdout, stderr } = await run(['keys', 'rotate', name, old.id]);
    expect([code, stderr]).toEqual([0, expect.stringContaining(`${old.id} keeps working for 3600 more seconds.`)]);
    const next = /^apiKey +(\w+)$/m.exec(stdout)?.[1] ?? '';
    expect([await call(old.apiKey), await call(next)]).toEqual([200, 200]);
    const nextId = /^accessKeyId +(\w+)$/m.exec(stdout)?.[1] ?? '';
    const last = await printedJson(['keys', 'rotate', name, nextId, '--grace', '0s']);
    expect(await call(last.apiKey)).toBe(200);
    await expect.poll(() => call(next), { timeout: 6_000 }).toBe(403);
  });

  it('revokes one', async () => {
    const [one, two] = [await printedJson(['keys', 'create', name]), await printedJson(['keys', 'create', name])];
    expect(await printed(['keys', 'revoke', name, one.id])).toBe(
      `${one.id} is revoked; calls with it are refused everywhere within 5 seconds\n`,
    );
    await expect.poll(() => call(one.apiKey), { timeout: 6_000 }).toBe(403);
    expect(await call(two.apiKey)).toBe(200);
    expect(await printedJson(['keys', 'revoke', name, two.id])).toEqual({ revoked: two.id });
    for (const noId of [postern.demo.apiKey, '..', '', 'k1_a/../..']) {
      for (const verb of ['revoke', 'rotate']) {
        const { code, stdout, stderr } = await run(['keys', verb, name, noId]);
        expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining('give the id of a key')]);
        expect(stderr).not.toContain(postern.demo.apiKey);
      }
    }
    await failed(['keys', 'revoke', name, 'k1_none'], 3, 'There is no such key');
    await failed(['keys', 'rotate', name, 'k1_none'], 3, 'There is no such');
  });
});

describe('postern explain', () => {
  const name = 'Explained';
  beforeAll(async () => {
    const policy = { allow: [{ function: 'orders-*', types: ['Event'] }], ipAllow: ['203.0.113.0/24'] };
    await admin(postern, 'POST', '/tenants', { name, policy });
  });
  const TARGET = 'arn:aws:lambda:us-east-1:123456789012:function:orders-list:live';

  it('says by which rule a call is allowed', async () => {
    const call = ['explain', name, 'orders-list', '--qualifier', 'live', '--type', 'Event', '--ip', '203.0.113.7'];
    expect(await printed(call)).toContain(`allowed by #/policy/allow/0\nwould call ${TARGET}\n`);
    const rule = { list: 'allow', index: 0 };
    expect(await printedJson(call)).toMatchObject({ allowed: true, reason: null, message: null, rule, target: TARGET });
  });

  it('ends with 4 for one that is refused, and says why', async () => {
    const plain = await run(['explain', name, 'invoices']);
    expect([plain.code, plain.stderr]).toEqual([4, '']);
    expect(plain.stdout).toMatch(
      /^refused \(function-not-allowed\): no rule allows invoices\nwould not call arn:.*:invoices\nUser: .* is not authorized/,
    );
    // The command that it prints allows the call, and keeps the rule that exists.
    const command = /^ {2}postern (tenants update \S+ --allow 'orders-\*' invoices)$/m.exec(plain.stdout)?.[1] ?? '';
    await printed(command.replaceAll("'", '').split(' '));
    expect(await printed(['explain', name, 'invoices'])).toContain('allowed by #/policy/allow/1');
    expect(await printed(['explain', name, 'orders-list', '--type', 'Event'])).toContain('allowed by #/policy/allow/0');
    const byArn = 'arn:aws:lambda:eu-west-1:210987654321:function:far';
    expect((await run(['explain', name, `${byArn}:live`])).stdout).toContain(` 'orders-*' invoices ${byArn}\n`);
    const json = await run(['explain', name, 'orders-list', '--type', 'Event', '--ip', '2001:db8::1', '--json']);
    expect([json.code, JSON.parse(json.stdout)]).toEqual([4, expect.objectContaining({ allowed: false })]);
    await failed(['explain', name, 'orders-list', '--ip', 'here'], 2, '#/ip: must be an IPv4 or IPv6 address');
    await failed(['explain', 'Nobody', 'orders-list'], 3, 'has no tenant');
  });
});

describe('postern audit', () => {
  it('shows every change over all pages, the newest first', async () => {
    const name = newName();
    const { id, keyId } = await makeTenant(postern, [], { name });
    for (let n = 1; n <= 103; n++) await admin(postern, 'PATCH', `/tenants/${id}`, { limits: { concurrency: n } });
    const lines = (await printed(['audit', name, '--json']))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ action }) => action)).toEqual([
      ...Array.from({ length: 103 }, () => 'tenant.change'),
      'key.create',
      'tenant.create',
    ]);
    expect(new Set(lines.map((entry) => entry.id)).size).toBe(105);
    expect(lines[0]).toMatchObject({
      actor: 'root',
      changes: [{ pointer: '/limits/concurrency', from: 102, to: 103 }],
    });
    expect(lines[103]).toMatchObject({ key: { id: keyId } });

    expect(await printed(['audit', name])).toContain('root  key.create  {"key":');
    expect((await printed(['audit', name])).trimEnd().split('\n')).toHaveLength(105);
    expect((await printed(['audit', name, '--limit', '2', '--json'])).trimEnd().split('\n')).toHaveLength(2);
    expect((await printed(['audit', name, '--limit', '101'])).trimEnd().split('\n')).toHaveLength(101);
  });
});

describe('postern openapi', () => {
  it('prints what the gateway serves', async () => {
    const served = (await admin<{ openapi: string }>(postern, 'GET', '/openapi.json')).body;
    expect(served.openapi).toBe('3.1.0');
    expect(JSON.parse(await printed(['openapi']))).toEqual(served);
    const line = await printed(['openapi', '--json']);
    expect([JSON.parse(line), line.trimEnd().includes('\n')]).toEqual([served, false]);
  });
});
