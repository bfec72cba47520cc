import { describe, expect, it } from 'vitest';
import { VERSION } from '../../src/version.ts';
import { runCli } from '../support/cli.ts';

const GROUPS = ['tenants', 'keys', 'tokens'];

/** What a help lists under `Commands:`. */
const commandsIn = (help: string): string[] => {
  const [, listed = ''] = help.split('\nCommands:\n');
  const names = [...(listed.split('\n\n')[0]?.matchAll(/^ {2}([a-z]+)\b/gm) ?? [])].map(([, name = '']) => name);
  return names.filter((name) => name !== 'help');
};

/** The help of every command, by its name; those of a group as `group command`. */
async function readHelps(path: readonly string[] = []): Promise<Map<string, string>> {
  const { code, stdout, stderr } = await runCli([...path, '--help']);
  expect([path, code, stderr]).toEqual([path, 0, '']);
  const helps = new Map([[path.join(' '), stdout]]);
  for (const name of commandsIn(stdout)) {
    for (const [inner, help] of await readHelps([...path, name])) helps.set(inner, help);
  }
  return helps;
}

describe('postern --help', () => {
  // Some 35 commands, one process each: more than a minute on a busy machine.
  it('lists the commands; that of each shows examples that begin with it, and the exit codes', {
    timeout: 300_000,
  }, async () => {
    const helps = await readHelps();
    expect([...helps.keys()]).toEqual(
      expect.arrayContaining([
        ...['dev', 'serve', 'build', 'schema', 'openapi', 'conformance', 'invoke', 'explain', 'usage', 'audit'],
        ...['list', 'get', 'create', 'update', 'suspend', 'resume', 'delete'].map((name) => `tenants ${name}`),
        ...['list', 'create', 'rotate', 'revoke'].map((name) => `keys ${name}`),
      ]),
    );
    for (const [name, help] of helps) {
      expect(help, name).toMatch(/^Exit codes:\n {2}0 {2}done$/m);
      if (commandsIn(help).length > 0) continue;
      expect(help, name).toMatch(new RegExp(`^Usage: postern ${name}\\b`));
      expect(help, name).toMatch(new RegExp(`^Examples:\n(.*\n)*? {2}\\$ .*(postern ${name}|npm (start|run))\\b`, 'm'));
    }
  });

  it.each([[[]], ...GROUPS.map((name) => [[name]])])('is what %j alone shows, and ends with 2', async (args) => {
    const [{ code, stdout, stderr }, help] = await Promise.all([runCli(args), runCli([...args, '--help'])]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toBe(help.stdout);
  });

  it.each([
    [['bogus'], "unknown command 'bogus'"],
    [['tenants', 'lst'], "unknown command 'lst'"],
    [['tenants', 'list', '--bogus'], "unknown option '--bogus'"],
    [['tenants', 'list', 'more'], 'too many arguments'],
    [['invoke', 'hello', '{"a":1}'], `got 2: hello, {"a":1}. Did you mean --payload '{...}'?`],
    [['keys', 'create', 'Acme', 'production'], 'got 2: Acme, production. Did you mean --name?'],
    [['tenants', 'create', 'Foo'], 'got 1: Foo. Did you mean --name?'],
    [['tenants', 'get'], "missing required argument 'tenant'"],
    [['keys', 'revoke', 'Acme'], "missing required argument 'key'"],
    [['keys', 'rotate', 'Acme', 'k1_x', '--grace', 'soon'], 'must be a duration such as 90s, 30m, 24h or 7d'],
    [['keys', 'create', 'Acme', '--expires', '2027-01-01'], 'such as 30d, or a time such as 2027-01-31T00:00:00Z'],
    [['keys', 'create', 'Acme', '--expires', '999999999d'], 'such as 30d, or a time such as 2027-01-31T00:00:00Z'],
    [['tenants', 'create', '--rate', 'fast'], 'must be a rate such as 50, 50:100'],
    [['tenants', 'create', '--quota', 'day'], 'must be a quota such as day=10000'],
    [['tenants', 'create', '--concurrency', '-1'], 'must be a whole number'],
    [['tenants', 'update', 'Acme', '--if-version', 'abc'], 'must be a whole number'],
    [['usage', 'Acme', '--step', 'year'], 'Allowed choices are minute, hour, day'],
    [['audit', 'Acme', '--limit', '0'], 'must be a whole number, 1 or more'],
    [['explain', 'Acme', 'hello', '--type', 'Later'], 'Allowed choices are'],
    [['explain', 'Acme', 'hello', '--payload-bytes', '1e3'], 'must be a whole number'],
    [['invoke', 'hello', '--payload', '1', '--payload-file', '-'], 'cannot be used with'],
  ])('ends with 2 for %j and says what is wrong', async (args, words) => {
    const { code, stdout, stderr } = await runCli(args);
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining(words)]);
  });
});

describe('postern --version', () => {
  it('prints the version', async () => {
    expect(await runCli(['--version'])).toMatchObject({ code: 0, stdout: `${VERSION}\n`, stderr: '' });
  });
});

describe('postern schema', () => {
  it.each([[['schema']], [['schema', '--json']]])('%j prints the JSON schema of postern.yaml', async (args) => {
    const { code, stdout } = await runCli(args);
    expect([code, JSON.parse(stdout)]).toEqual([
      0,
      expect.objectContaining({ $schema: 'https://json-schema.org/draft/2020-12/schema' }),
    ]);
  });
});
