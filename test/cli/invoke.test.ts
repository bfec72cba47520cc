import { describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.ts';
import { makeTenant, takeCalls } from '../support/postern.ts';
import { usePostern } from '../support/use-postern.ts';

const postern = usePostern();

/** Runs `postern invoke` as the demo tenant, which may call everything. */
const invoke = (args: readonly string[], stdin = '', key = postern.demo.apiKey) =>
  runCli(['invoke', ...args], { env: { POSTERN_URL: postern.gateway, POSTERN_API_KEY: key }, stdin });

describe('postern invoke', () => {
  it("writes the function's answer to standard output, byte for byte, and all else to standard error", async () => {
    const { code, stdout, stderr } = await invoke(['hello', '--payload', '{"name":"Ada"}']);
    expect([code, stdout]).toEqual([0, '{"message":"Hello, Ada!"}']);
    expect(stderr).toMatch(/^200 {2}version \$LATEST {2}request [0-9a-f-]{36}\n$/);
    const compact = '{"b":[1,null],"ä":"ö"}';
    expect((await invoke(['identity', '--payload-file', '-'], compact)).stdout).toBe(compact);
  });

  it('prints one line of JSON for --json', async () => {
    const { code, stdout, stderr } = await invoke(['hello', '--qualifier', 'live', '--json']);
    expect([code, stderr, stdout.indexOf('\n')]).toEqual([0, '', stdout.length - 1]);
    expect(JSON.parse(stdout)).toEqual({
      status: 200,
      functionError: null,
      refusal: null,
      executedVersion: '2',
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      log: null,
      payload: { message: 'Hello, world!' },
    });
  });

  it('ends with 1 when the function fails, and says of what', async () => {
    const plain = await invoke(['fail']);
    expect([plain.code, JSON.parse(plain.stdout)]).toEqual([1, expect.objectContaining({ errorType: 'Error' })]);
    expect(plain.stderr).toContain('postern: the function failed (Unhandled): Error: This function always fails.\n');
    const json = await invoke(['fail', '--json']);
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({ status: 200, functionError: 'Unhandled', refusal: null });
  });

  it('sends the type, the tenant id and the wish for a log', async () => {
    expect((await invoke(['hello', '--type', 'Event'])).stderr).toMatch(/^202 {2}request /);
    expect((await invoke(['hello', '--type', 'DryRun'])).stderr).toMatch(/^204 /);
    const logged = await invoke(['log', '--log', '--tenant-id', 'blue']);
    expect([logged.code, logged.stderr]).toEqual([
      0,
      expect.stringMatching(/INFO\tline 64 [\s\S]*\nREPORT RequestId: /),
    ]);
    expect(JSON.parse((await invoke(['log', '--log', '--json'])).stdout).log).toContain('REPORT RequestId: ');
    const sent = (await takeCalls(postern.lambda)).map(({ headers }) => headers['x-amz-tenant-id']);
    expect(sent).toContain('blue');
  });

  it.each([
    [['nosuch'], 3, 'Lambda answered 404 ResourceNotFoundException: Function not found: '],
    [['hello', '--payload', '{'], 2, 'Postern (payload-not-json) answered 400 InvalidRequestContentException: '],
    [['throttled'], 1, 'Lambda answered 429 TooManyRequestsException: '],
  ])('of a no, %j, says whose it is and ends with what fits', async (args, code, words) => {
    const plain = await invoke(args);
    expect(plain).toEqual({ code, stdout: '', stderr: expect.stringContaining(words) });
    const json = await invoke([...args, '--json']);
    expect([json.code, JSON.parse(json.stdout).status]).toEqual([code, Number(/answered (\d+)/.exec(words)?.[1])]);
  });

  it('ends with 4 for a key that is wrong, and for a call that the tenant may not make', async () => {
    const { apiKey } = await makeTenant(postern, [{ function: 'hello' }]);
    const refused = await invoke(['echo'], '', apiKey);
    expect([refused.code, refused.stderr]).toEqual([4, expect.stringContaining('Postern (function-not-allowed)')]);
    const forged = `${apiKey.slice(0, -4)}aaaa`;
    const wrong = await invoke(['hello'], '', forged);
    expect([wrong.code, wrong.stderr]).toEqual([4, expect.stringMatching(/Postern \(key-[a-z-]+\) answered 403/)]);
    expect(wrong.stderr).not.toContain(forged);
    // What to do about it, in the answer's own words.
    expect(wrong.stderr).toMatch(/\n {2}The key in 'x-api-key' [^\n]+\n$/);
    // The option wins over the environment.
    expect((await invoke(['hello', '--key', apiKey], '', forged)).code).toBe(0);
  });

  it('says what is missing before it calls', async () => {
    const none = await runCli(['invoke', 'hello'], { env: { POSTERN_URL: postern.gateway } });
    expect(none).toEqual({
      code: 2,
      stdout: '',
      stderr: 'postern: no Postern key: set POSTERN_API_KEY, or give --key\n',
    });
    const nowhere = await runCli(['invoke', 'hello'], { env: { POSTERN_API_KEY: 'postern_x' } });
    expect([nowhere.code, nowhere.stderr]).toEqual([2, expect.stringContaining('no gateway given: set POSTERN_URL')]);
    const broken = await invoke(['hello'], '', 'postern_secret\nkey');
    expect([broken.code, broken.stderr]).toEqual([2, expect.not.stringContaining('secret')]);
    const file = await invoke(['hello', '--payload-file', '/no/such']);
    expect([file.code, file.stderr]).toEqual([2, 'postern: /no/such cannot be read: ENOENT\n']);
    expect(await takeCalls(postern.lambda)).toEqual([]);
  });
});

describe('postern usage', () => {
  const usage = (...args: string[]) =>
    runCli(['usage', ...args], {
      env: { POSTERN_URL: postern.gateway, POSTERN_ADMIN_TOKEN: postern.adminToken, TZ: 'America/New_York' },
    });

  it('shows what was called, refused and failed, and what is left', async () => {
    const name = 'Used';
    const quotas = [{ period: 'day', requests: 5_000 }];
    const { apiKey } = await makeTenant(postern, [{ function: 'hello' }, { function: 'fail' }], {
      name,
      limits: { quotas },
    });
    for (const called of ['hello', 'hello', 'fail', 'echo']) await invoke([called], '', apiKey);
    const read = async () => JSON.parse((await usage(name, '--json')).stdout);
    // It is at most two seconds behind.
    await expect.poll(async () => (await read()).totals.calls, { timeout: 10_000 }).toBe(4);
    expect(await read()).toMatchObject({
      step: 'hour',
      totals: { calls: 4, forwarded: 3, functionErrors: 1, refused: { 'function-not-allowed': 1 } },
      functions: { hello: { forwarded: 2 }, fail: { functionErrors: 1 } },
      limits: [{ quota: 5_000, remaining: 4_997 }],
    });
    const { code, stdout, stderr } = await usage(name, '--step', 'day');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/ by day\n\ncalls +4\nforwarded +3\nrefused +1\nfunction errors +1\n/);
    expect(stdout).toMatch(/^function-not-allowed +1$/m);
    expect(stdout).toMatch(/^\S+ +5,000 +4,997 +\d{4}-\d\d-\d\dT00:00:00\.000Z$/m);
    expect(stdout).toMatch(/^hello +2 +2 +0 +0 /m);
  });

  it('reads a time as the gateway does, and says what is wrong with one', async () => {
    const date = new Date(Date.now() - 20 * 86_400_000).toISOString().slice(0, 10);
    const { from, to } = JSON.parse((await usage('demo', '--step', 'day', '--from', date, '--json')).stdout);
    expect([from, Date.parse(to) > Date.parse(from)]).toEqual([`${date}T00:00:00.000Z`, true]);
    const wrong = await usage('demo', '--from', 'soon');
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('from: must be a date')]);
    const backwards = await usage('demo', '--from', '2030-01-02', '--to', '2030-01-01');
    expect([backwards.code, backwards.stderr]).toEqual([2, expect.stringContaining("from: must be before 'to'")]);
  });
});
