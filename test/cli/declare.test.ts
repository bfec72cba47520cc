import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CliResult, runCli } from '../support/cli.ts';
import { admin, invokePath, send } from '../support/postern.ts';
import { usePostern } from '../support/use-postern.ts';

const postern = usePostern();
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postern-declare-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const cli = (args: readonly string[], stdin = ''): Promise<CliResult> =>
  runCli(args, { env: { POSTERN_URL: postern.gateway, POSTERN_ADMIN_TOKEN: postern.adminToken }, stdin });
const fileOf = async (content: string): Promise<string> => {
  const file = join(folder, 'postern.yaml');
  await writeFile(file, content);
  return file;
};
const tenants = async () =>
  (await admin<{ tenants: { id: string; name: string }[] }>(postern, 'GET', '/tenants')).body.tenants;
const removeAll = async () => {
  for (const { id } of await tenants()) await admin(postern, 'DELETE', `/tenants/${id}`);
};

/** The file that the handbook shows. */
const handbookExample = async (): Promise<string> => {
  const page = await readFile(resolve(import.meta.dirname, '../../src/docs/cli.md'), 'utf8');
  const [, example] = /```yaml\n(# yaml-language-server[\s\S]*?)```/.exec(page) ?? [];
  if (!example) throw new Error('src/docs/cli.md has no postern.yaml');
  return example;
};

describe("the handbook's file", () => {
  let ids: Record<string, string>;

  it('makes its two tenants in an empty gateway', async () => {
    await removeAll();
    const file = await fileOf(await handbookExample());
    expect((await cli(['diff', '-f', file])).code).toBe(5);
    const { code, stdout, stderr } = await cli(['apply', '-f', file]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('2 to create, 0 to change, 0 to delete');
    expect(stdout).toContain('done: + create Acme');
    ids = Object.fromEntries((await tenants()).map(({ id, name }) => [name, id]));
    expect(Object.keys(ids).sort()).toEqual(['Acme', 'Globex']);
  });

  it('gives their keys what it says, and no more', async () => {
    const keyOf = async (name: string): Promise<string> => {
      const { code, stdout } = await cli(['keys', 'create', name, '--name', 'production', '--json']);
      expect(code).toBe(0);
      return JSON.parse(stdout).apiKey;
    };
    const [acme, globex] = [await keyOf('Acme'), await keyOf('Globex')];
    const call = async (key: string, name: string, type = 'RequestResponse', body = '{}') => {
      const { status, headers } = await send(postern.gateway, invokePath(name), {
        headers: { 'x-api-key': key, 'content-type': 'application/json', 'x-amz-invocation-type': type },
        body,
      });
      return headers['x-postern-refusal'] ?? status;
    };
    expect(await call(acme, 'hello:live')).toBe(200);
    expect(await call(acme, 'greeting')).toBe(200);
    expect(await call(acme, 'echo')).toBe(200);
    expect(await call(acme, 'hello')).toBe('qualifier-not-allowed');
    expect(await call(acme, 'echo', 'Event')).toBe('function-denied');
    expect(await call(acme, 'identity')).toBe('function-not-allowed');
    expect(await call(globex, 'identity', 'RequestResponse', `"${'x'.repeat(1_023)}"`)).toBe('payload-too-large');
    expect(await call(globex, 'identity')).toBe(200);
    expect(await call(globex, 'identity')).toBe(200);
    expect(await call(globex, 'identity')).toBe('limit-month-requests');
    expect(await call(globex, 'hello:live')).toBe('function-not-allowed');
  });

  it('changes nothing when it is applied again', async () => {
    const trail = async () =>
      (await admin<{ entries: object[] }>(postern, 'GET', `/tenants/${ids.Acme}/audit`)).body.entries;
    const before = await trail();
    const { code, stdout } = await cli(['apply', '-f', await fileOf(await handbookExample())]);
    expect(code).toBe(0);
    expect(stdout).toContain('0 to create, 0 to change, 0 to delete, 2 unchanged');
    expect(await trail()).toEqual(before);
  });

  it('comes back from export, of which diff finds nothing to do', async () => {
    const exported = await cli(['export']);
    expect(exported.code).toBe(0);
    const diff = await cli(['diff', '-f', '-', '--json'], exported.stdout);
    expect(diff.code).toBe(0);
    expect(JSON.parse(diff.stdout)).toEqual({ steps: [], unchanged: 2, unlisted: [] });
    const json = await cli(['export', '--json', '--no-ids']);
    expect(JSON.parse(json.stdout).tenants.map(({ name }: { name: string }) => name)).toEqual(['Acme', 'Globex']);
    expect((await cli(['diff', '-f', '-'], json.stdout)).code).toBe(0);
  });

  it('is in the audit trail, with no secret', async () => {
    const { code, stdout } = await cli(['audit', 'Acme', '--json']);
    expect(code).toBe(0);
    const entries = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(entries.map(({ actor, action }) => `${actor} ${action}`)).toEqual(['root key.create', 'root tenant.create']);
    expect(entries[1].changes).toContainEqual({
      pointer: '/limits',
      to: expect.objectContaining({ concurrency: 20 }),
    });
    expect(stdout).not.toMatch(/postern_k|secret/i);
  });
});

const TWO = (first: string) => `version: 1
tenants:
  - name: One
    ${first}
  - name: Two
`;

describe('apply', () => {
  it('plans a change field by field, and makes it', async () => {
    await cli(['apply', '-f', await fileOf(TWO('limits: { concurrency: 5 }'))]);
    const changed = await fileOf(TWO('limits: { concurrency: 7 }'));
    const diff = await cli(['diff', '-f', changed]);
    expect(diff.code).toBe(5);
    expect(diff.stdout).toContain('/limits/concurrency: 5 -> 7');
    const { code, stdout } = await cli(['apply', '-f', changed, '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ done: [{ kind: 'change', name: 'One' }], failed: null, notDone: [] });
    expect((await cli(['diff', '-f', changed])).code).toBe(0);
  });

  it('stops at the first error, says what was done, and continues when applied again', async () => {
    // A gateway that cannot make a second tenant.
    let made = 0;
    const proxy = createServer(async (request, response) => {
      const body = await text(request);
      if (request.method === 'POST' && ++made === 2) {
        response.writeHead(503, { 'content-type': 'application/problem+json' }).end('{"detail":"Too busy."}');
        return;
      }
      const { status, body: answer } = await admin<object>(
        postern,
        request.method ?? '',
        (request.url ?? '').replace('/admin/v1', ''),
        body === '' ? undefined : JSON.parse(body),
      );
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    });
    await new Promise<void>((listening) => proxy.listen(0, '127.0.0.1', listening));
    const address = proxy.address();
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
    const file = await fileOf('version: 1\ntenants: [{ name: First }, { name: Second }, { name: Third }]\n');
    // The token of the environment goes to POSTERN_URL and nowhere else.
    const env = { POSTERN_URL: url, POSTERN_ADMIN_TOKEN: postern.adminToken };
    const { code, stdout, stderr } = await runCli(['apply', '-f', file], { env });
    proxy.close();
    expect(code).toBe(1);
    expect(stdout).toContain('done: + create First');
    for (const line of ['Too busy.', 'failed: create Second', 'not done: create Third', '1 of 3 changes were made']) {
      expect(stderr).toContain(line);
    }
    const again = await cli(['apply', '-f', file]);
    expect([again.code, again.stdout]).toEqual([0, expect.stringContaining('2 to create, 0 to change')]);
  });

  it('changes nothing with a token that may only read', async () => {
    const made = await cli(['tokens', 'create', 'reader', '--access', 'read', '--json']);
    const { id, token } = JSON.parse(made.stdout);
    const file = await fileOf('version: 1\ntenants: [{ name: Never }]\n');
    const env = { POSTERN_URL: postern.gateway, POSTERN_ADMIN_TOKEN: token };
    expect((await runCli(['diff', '-f', file], { env })).code).toBe(5);
    const { code, stdout, stderr } = await runCli(['apply', '-f', file], { env });
    expect([code, stderr]).toEqual([4, expect.stringContaining('0 of 1 changes were made')]);
    expect(stderr + stdout).not.toContain(token);

    expect((await cli(['tokens', 'list'])).stdout).toMatch(/reader +read/);
    expect(JSON.parse((await cli(['tokens', 'revoke', id, '--json'])).stdout)).toEqual({ revoked: id });
    expect((await runCli(['export'], { env })).code).toBe(4);
    expect((await cli(['tokens', 'revoke', id])).code).toBe(3);
    expect((await cli(['tokens', 'create', 'x'])).code).toBe(2);
    const { stdout: trail } = await cli(['audit', '--json']);
    expect(
      trail
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).action)
        .filter((action) => action.startsWith('admin-token.')),
    ).toEqual(['admin-token.revoke', 'admin-token.create']);
    expect(trail).not.toContain(token);
  });

  it('deletes what is not in the file only with --prune and --yes', async () => {
    const file = await fileOf(TWO('status: active'));
    await cli(['apply', '-f', file]);
    const before = (await tenants()).length;
    expect(before).toBeGreaterThan(2);
    expect((await cli(['apply', '-f', file, '--prune'])).code).toBe(2);
    expect((await tenants()).length).toBe(before);
    expect((await cli(['apply', '-f', file, '--prune', '--yes'])).code).toBe(0);
    expect((await tenants()).map(({ name }) => name).sort()).toEqual(['One', 'Two']);
  });

  it.each([
    ['an unknown field', TWO('polcy: {}'), '4:5: #/tenants/0/polcy'],
    [
      'a quota of zero',
      TWO('limits: { quotas: [{ period: day, requests: 0 }] }'),
      '#/tenants/0/limits/quotas/0/requests',
    ],
    ['a range with host bits', TWO('policy: { ipAllow: ["10.0.0.1/8"] }'), '#/tenants/0/policy/ipAllow/0'],
    [
      'a wildcard in the account',
      TWO('policy: { allow: [{ function: "arn:aws:lambda:us-east-1:*:function:x" }] }'),
      '#/tenants/0/policy/allow/0/function',
    ],
    ['a name twice', TWO('').replace('Two', 'One'), '#/tenants/1/name'],
    ['a key twice', TWO('name: Again'), 'appears twice'],
    ['no YAML', 'version: [1', 'postern.yaml:'],
    ['an id of nobody', TWO('id: t1_baaaaaaaaaaaaaaaaaaaaaaaaaaaaa'), 'this gateway has no tenant'],
    [
      'too many aliases',
      `version: 1\na: &a [x, x]\nb: &b [${'*a, '.repeat(40)}]\nc: &c [${'*b, '.repeat(40)}]\ntenants: [${'*c, '.repeat(40)}]`,
      'alias',
    ],
  ])('says where in the file there is %s', async (_, content, words) => {
    const { code, stderr, stdout } = await cli(['apply', '-f', await fileOf(content)]);
    expect([stderr, code]).toEqual([expect.stringContaining(words), words.includes('no tenant') ? 3 : 2]);
    expect(stdout).toBe('');
  });

  it('never overwrites a change made since the plan was drawn', async () => {
    // The same race by hand: a patch with the version of before.
    const [one] = await tenants();
    await cli(['tenants', 'update', one?.id ?? '', '--concurrency', '9']);
    const late = await cli(['tenants', 'update', one?.id ?? '', '--concurrency', '10', '--if-version', '1']);
    expect(late.code).toBe(6);
    expect(late.stderr).toContain('412');
  });
});

describe('schema', () => {
  it('is a JSON schema that knows every field of the file', async () => {
    const { code, stdout } = await cli(['schema']);
    expect(code).toBe(0);
    const schema = JSON.parse(stdout);
    expect(schema.$ref).toBe('#/$defs/PosternFile');
    expect(schema.$defs.PosternFile.properties).toHaveProperty('tenants');
    for (const field of ['policy', 'limits', 'issuers', 'publish', 'ipAllow', 'quotas'])
      expect(stdout).toContain(`"${field}"`);
  });
});
