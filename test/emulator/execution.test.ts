import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Emulator, startEmulator } from '../../src/emulator/start.ts';
import { makeFolder } from './folder.ts';
import { call, credentials, invocations } from './wire.ts';

const folder = makeFolder();
const logged: string[] = [];
let emulator: Emulator;
let hasty: Emulator;
beforeAll(async () => {
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'the host’s own');
  vi.stubEnv('AWS_PROFILE', 'the host’s own');
  vi.stubEnv('POSTERN_ROOT_KEYS', 'the host’s own');
  vi.stubEnv('TABLE_NAME', 'orders');
  emulator = await startEmulator({
    port: 0,
    credentials,
    functionsDir: folder.path,
    log: (line) => logged.push(line),
  });
  hasty = await startEmulator({ port: 0, credentials, functionsDir: folder.path, timeoutSeconds: 2 });
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await Promise.all([emulator.close(), hasty.close()]);
  folder.remove('.');
});

/** Calls a function and gives the error it was answered with, if any, its parsed body, and its log. */
async function invoke(name: string, event: unknown = {}, headers: Record<string, string> = {}, { port } = emulator) {
  const sent = {
    path: invocations(name),
    body: JSON.stringify(event),
    headers: { 'x-amz-log-type': 'Tail', ...headers },
  };
  const reply = await call(port, sent);
  return {
    error: reply.header('X-Amz-Function-Error'),
    text: reply.text,
    body: JSON.parse(reply.text || 'null'),
    id: reply.header('x-amzn-RequestId'),
    log: Buffer.from(reply.header('X-Amz-Log-Result') ?? '', 'base64').toString(),
  };
}

describe('a handler', () => {
  it.each([
    ['exports.handler', 'a1.js', 'exports.handler = async (event) => ({ got: event.n });'],
    ['module.exports', 'a2.cjs', 'module.exports = { handler: async (event) => ({ got: event.n }) };'],
    ['export const handler', 'a3.mjs', 'export const handler = async (event) => ({ got: event.n });'],
    ['export default { handler }', 'a4.mjs', 'export default { handler: async (event) => ({ got: event.n }) };'],
    ['TypeScript', 'a5.ts', 'export const handler = async (event: { n: number }) => ({ got: event.n });'],
    ['TypeScript, .mts', 'a6.mts', 'export const handler = async (event: { n: number }) => ({ got: event.n });'],
    ['a folder', 'a7/index.mjs', 'export const handler = async (event) => ({ got: event.n });'],
    ['a synchronous function', 'a8.mjs', 'export const handler = (event) => ({ got: event.n });'],
    ['a callback', 'a9.js', 'exports.handler = (event, context, done) => { done(null, { got: event.n }); };'],
  ])('may be %s', async (_, file, code) => {
    folder.write(file, code);
    expect((await invoke(file.replace(/[./].*/, ''), { n: 7 })).body).toEqual({ got: 7 });
  });

  it('answers null when it returns nothing', async () => {
    folder.write('nothing.mjs', 'export const handler = async () => {};');
    expect((await invoke('nothing')).text).toBe('null');
  });

  it('answers null when it leaves nothing to wait for and no answer', async () => {
    folder.write('lost.mjs', 'export const handler = () => new Promise(() => {});');
    expect((await invoke('lost')).text).toBe('null');
    expect((await invoke('lost')).text).toBe('null');
  });

  it('with a callback waits until its event loop is empty, unless the context says otherwise', async () => {
    const code = (wait: boolean) => `let order = '';
      exports.handler = (event, context, done) => {
        context.callbackWaitsForEmptyEventLoop = ${wait};
        const result = { toJSON: () => order };
        setTimeout(() => { order = 'timer'; }, 50);
        done(null, result);
      };`;
    folder.write('waits.js', code(true));
    folder.write('leaves.js', code(false));
    expect((await invoke('waits')).body).toBe('timer');
    expect((await invoke('leaves')).body).toBe('');
  });

  it('sees the variables of Lambda and the host, and none of the host’s secrets', async () => {
    folder.write('env.mjs', 'export const handler = async () => process.env;');
    const { body } = await invoke('env:live');
    expect(body).toMatchObject({
      AWS_LAMBDA_FUNCTION_NAME: 'env',
      AWS_LAMBDA_FUNCTION_VERSION: '2',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '1024',
      AWS_REGION: 'us-east-1',
      TABLE_NAME: 'orders',
      _X_AMZN_TRACE_ID: expect.stringMatching(/^Root=1-/),
    });
    for (const name of ['AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE', 'POSTERN_ROOT_KEYS']) {
      expect(body).not.toHaveProperty(name);
    }
  });

  it('has the context of Lambda', async () => {
    folder.write(
      'context.mjs',
      'export const handler = async (_, c) => ({ ...c, remaining: c.getRemainingTimeInMillis() });',
    );
    const { body, id } = await invoke('context');
    expect(body).toMatchObject({
      functionName: 'context',
      functionVersion: '$LATEST',
      memoryLimitInMB: '1024',
      awsRequestId: id,
      logGroupName: '/aws/lambda/context',
      logStreamName: expect.stringMatching(/^\d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32}$/),
      callbackWaitsForEmptyEventLoop: true,
    });
    expect(body.remaining).toBeGreaterThan(0);
    expect(body.remaining).toBeLessThanOrEqual(900_000);
  });

  it('keeps its module between events', async () => {
    folder.write('count.mjs', 'let n = 0; export const handler = async () => ++n;');
    expect([(await invoke('count')).body, (await invoke('count')).body]).toEqual([1, 2]);
  });

  it('runs once per environment: two events at a time run in two', async () => {
    folder.write(
      'alone.mjs',
      `import { setTimeout } from 'node:timers/promises'; let running = 0;
       export const handler = async () => { running++; await setTimeout(100); return running--; };`,
    );
    const answers = await Promise.all([1, 2, 3].map(() => invoke('alone')));
    expect(answers.map(({ body }) => body)).toEqual([1, 1, 1]);
  });

  it('has no client context when it is called by an event', async () => {
    folder.write('event.mjs', 'export const handler = async (e, c) => { console.log("seen", e.n, c.clientContext); };');
    await invoke(
      'event',
      { n: 42 },
      {
        'x-amz-invocation-type': 'Event',
        'x-amz-client-context': Buffer.from('{}').toString('base64'),
      },
    );
    await vi.waitFor(() => expect(logged.join('\n')).toContain('INFO\tseen 42 undefined'));
  });

  it('does not run for a dry run', async () => {
    folder.write('dry.mjs', 'console.log("dry runs"); export const handler = async () => {};');
    await invoke('dry', {}, { 'x-amz-invocation-type': 'DryRun' });
    await invoke('count');
    expect(logged.join('\n')).not.toContain('dry runs');
  });
});

describe('what a handler prints', () => {
  it('is in its own log, in the format of Lambda', async () => {
    folder.write(
      'prints.mjs',
      `export const handler = async () => {
         console.log('a %s', 'b', { c: 1 }); console.warn('w'); console.error('e'); console.debug('d');
         process.stdout.write('raw\\n'); process.stderr.write(Buffer.from('raw too\\n'));
       };`,
    );
    const { log, id } = await invoke('prints');
    const lines = log.split('\n').map((line) => line.replace(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\t/, 'TIME '));
    expect(lines.slice(0, 7)).toEqual([
      `START RequestId: ${id} Version: $LATEST`,
      `TIME ${id}\tINFO\ta b { c: 1 }`,
      `TIME ${id}\tWARN\tw`,
      `TIME ${id}\tERROR\te`,
      `TIME ${id}\tDEBUG\td`,
      'raw',
      'raw too',
    ]);
    expect((await invoke('hello')).log).not.toContain('raw');
  });
});

describe('a failure', () => {
  it.each([
    ['a rejection', "throw new TypeError('no')", { errorType: 'TypeError', errorMessage: 'no' }],
    ['what is no error', "throw 'plain'", { errorType: 'string', errorMessage: 'plain', trace: [] }],
    [
      'a result that is no JSON',
      'return 1n',
      { errorType: 'Error', errorMessage: 'Unable to stringify response body' },
    ],
    ['an exit', 'process.exit(3)', exited('with error: exit status 3')],
    ['an exit without error', 'process.exit(0)', exited('without providing a reason')],
    [
      'an error that nobody caught',
      "setImmediate(() => { throw new RangeError('late'); }); await new Promise(() => {})",
      { errorType: 'RangeError', errorMessage: 'late' },
    ],
    [
      'a rejection that nobody caught',
      "Promise.reject(new Error('late')); await new Promise((r) => setTimeout(r, 1000))",
      { errorType: 'Runtime.UnhandledPromiseRejection', errorMessage: 'Error: late' },
    ],
  ])('is reported to the caller and does not outlive its call: %s', async (_, statement, expected) => {
    folder.write('fails.mjs', `export const handler = async (e) => { if (e.well) return 'well'; ${statement}; };`);
    const { error, body, id } = await invoke('fails');
    expect(error).toBe('Unhandled');
    expect(body).toMatchObject(JSON.parse(JSON.stringify(expected).replace('<id>', id ?? '')));
    expect((await invoke('fails', { well: true })).body).toBe('well');
  });

  it.each([
    ['an endless wait', 'await new Promise((r) => setTimeout(r, 60_000))'],
    ['an endless loop', 'for (;;);'],
  ])('to end is reported to the caller and does not outlive its call: %s', async (what, statement) => {
    const name = what.replaceAll(' ', '-');
    folder.write(`${name}.mjs`, `export const handler = async (e) => { if (e.well) return 'well'; ${statement}; };`);
    const { error, body, id } = await invoke(name, {}, {}, hasty);
    expect(error).toBe('Unhandled');
    const errorMessage = `RequestId: ${id} Error: Task timed out after 2.00 seconds`;
    expect(body).toEqual({ errorType: 'Sandbox.Timedout', errorMessage });
    expect((await invoke(name, { well: true }, {}, hasty)).body).toBe('well');
  });

  it.each([
    ['import', "import './not-there.mjs';", 'Runtime.ImportModuleError', /^Error: Cannot find module/],
    ['syntax', 'export const handler = async () => {', 'Runtime.UserCodeSyntaxError', /^SyntaxError: /],
    ['exports', 'export const other = 1;', 'Runtime.HandlerNotFound', /^loads\.handler is undefined or not exported$/],
    ['top level', "throw new RangeError('early');", 'RangeError', /^early$/],
  ])('to load is reported to the caller: %s', async (_, code, errorType, message) => {
    folder.write('loads.mjs', code);
    const { error, body } = await invoke('loads');
    expect([error, body.errorType]).toEqual(['Unhandled', errorType]);
    expect(body.errorMessage).toMatch(message);
  });
});

function exited(how: string) {
  return { errorType: 'Runtime.ExitError', errorMessage: `RequestId: <id> Error: Runtime exited ${how}` };
}
