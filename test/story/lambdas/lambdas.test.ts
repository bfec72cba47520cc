import {
  InvokeCommand,
  type InvokeCommandInput,
  LambdaClient,
  ResourceNotFoundException,
} from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { invokePath, send, startPostern } from '../../support/postern.ts';
import type { RunningPostern } from '../../support/running-postern.ts';
import { type LambdaEmulator, MOTO, missing, RIE, SERVERLESS_OFFLINE, startLambda } from './emulators.ts';
import { checkSignatures, type KeyPair, prepareMoto } from './moto.ts';

// Postern in front of Lambdas that are not ours. `npm run prove` installs them; without them this is skipped.
const LONG_START_MS = 150_000;
const ACCOUNT_ID = '123456789012';
const settings = { AWS_ACCOUNT_ID: ACCOUNT_ID, AWS_REGION: 'us-east-1' };

/** Runs an emulator, and Postern in front of it, for the tests of a block. */
function usePosternWith(emulator: LambdaEmulator, env: Readonly<Record<string, string>>) {
  const held: { postern?: RunningPostern; lambda?: { url: string; stop(): Promise<void> } } = {};
  beforeAll(async () => {
    held.lambda = await startLambda(emulator);
    held.postern = await startPostern({
      args: ['--lambda-endpoint', held.lambda.url],
      env: { ...settings, AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', ...env },
    });
  }, LONG_START_MS);
  afterAll(async () => {
    await held.postern?.stop();
    await held.lambda?.stop();
  });
  return () => {
    if (!held.postern) throw new Error('Postern is not up');
    return held.postern;
  };
}

const invoke = (postern: RunningPostern, input: InvokeCommandInput) =>
  new LambdaClient({
    endpoint: postern.gateway,
    region: 'us-east-1',
    credentials: { ...postern.demo },
    maxAttempts: 1,
  }).send(new InvokeCommand(input));
const textOf = ({ Payload }: { Payload?: { transformToString(): string } | undefined }) =>
  Payload?.transformToString() ?? '';
const CONTEXT = { custom: { color: 'blue' } };
const ClientContext = Buffer.from(JSON.stringify(CONTEXT)).toString('base64');
const title = (name: string, lacking: string | undefined) => (lacking === undefined ? name : `${name} (${lacking})`);

const noServerless = await missing(SERVERLESS_OFFLINE);
describe.skipIf(noServerless)(title('D9: serverless-offline, by bare names', noServerless), () => {
  const postern = usePosternWith(SERVERLESS_OFFLINE, { POSTERN_LAMBDA_NAMES: 'name' });
  const arn = `arn:aws:lambda:us-east-1:${ACCOUNT_ID}:function:svc-dev-hello`;

  it.each(['svc-dev-hello', arn, `${ACCOUNT_ID}:function:svc-dev-hello`])('is called as %s', async (FunctionName) => {
    const answer = await invoke(postern(), { FunctionName, Payload: '{"name":"Ada"}' });
    expect([answer.StatusCode, textOf(answer)]).toEqual([200, '{"message":"Hello, Ada!"}']);
  });

  it('is called by a key, and without a payload', async () => {
    const headers = { 'x-api-key': postern().demo.apiKey };
    const answer = await send(postern().gateway, invokePath('svc-dev-hello'), { headers });
    expect([answer.status, answer.body.toString()]).toEqual([200, '{"message":"Hello, world!"}']);
  });

  it('gets the client context, and 5 MB there and back', async () => {
    const answer = await invoke(postern(), { FunctionName: 'svc-dev-echo', Payload: '{}', ClientContext });
    expect(JSON.parse(textOf(answer))).toMatchObject({ clientContext: CONTEXT });
    const Payload = JSON.stringify({ text: 'x'.repeat(5_000_000) });
    expect(textOf(await invoke(postern(), { FunctionName: 'svc-dev-echo', Payload }))).toContain(Payload);
  });

  it('runs an Event', async () => {
    const answer = await invoke(postern(), { FunctionName: 'svc-dev-hello', InvocationType: 'Event', Payload: '{}' });
    expect(answer.StatusCode).toBe(202);
  });

  it('has its function errors and its 404 passed on', async () => {
    const failed = await invoke(postern(), { FunctionName: 'svc-dev-fail', Payload: '{}' });
    expect([failed.FunctionError, textOf(failed)]).toEqual([
      'Unhandled',
      expect.stringContaining('This function always fails.'),
    ]);
    const absent = invoke(postern(), { FunctionName: 'svc-dev-absent', Payload: '{}' });
    await expect(absent).rejects.toBeInstanceOf(ResourceNotFoundException);
  });

  it('is not asked for a function of another account or region', async () => {
    for (const place of ['us-east-1:999999999999', `eu-west-1:${ACCOUNT_ID}`]) {
      const elsewhere = invoke(postern(), {
        FunctionName: `arn:aws:lambda:${place}:function:svc-dev-hello`,
        Payload: '{}',
      });
      await expect(elsewhere).rejects.toThrow();
    }
  });
});

const noRie = await missing(RIE);
describe.skipIf(noRie)(title("D9: AWS's runtime interface emulator, by its one name", noRie), () => {
  const postern = usePosternWith(RIE, { POSTERN_LAMBDA_NAMES: 'name' });

  it('is called with a payload, without one, and with a client context', async () => {
    const answer = await invoke(postern(), { FunctionName: 'function', Payload: '{"a":1}', ClientContext });
    const { event, clientContext } = JSON.parse(textOf(answer));
    expect([event, JSON.parse(clientContext)]).toEqual([{ a: 1 }, CONTEXT]);
    expect(JSON.parse(textOf(await invoke(postern(), { FunctionName: 'function' })))).toHaveProperty('event');
  });

  it('takes the largest payload', async () => {
    const Payload = JSON.stringify('x'.repeat(6_291_454));
    expect(textOf(await invoke(postern(), { FunctionName: 'function', Payload }))).toBe('{"bytes":6291456}');
  });

  it('has what it answers to a failed function passed on', async () => {
    const answer = await invoke(postern(), { FunctionName: 'function', Payload: '{"fail":true}' });
    expect([answer.StatusCode, textOf(answer)]).toEqual([200, expect.stringContaining('This function always fails.')]);
  });
});

const noMoto = await missing(MOTO);
describe.skipIf(noMoto)(title('moto', noMoto), () => {
  const held: { lambda?: { url: string; stop(): Promise<void> }; posterns: RunningPostern[] } = { posterns: [] };
  const start = async (pair: KeyPair, names: 'arn' | 'name') => {
    const env = {
      ...settings,
      AWS_ACCESS_KEY_ID: pair.accessKeyId,
      AWS_SECRET_ACCESS_KEY: pair.secretAccessKey,
      POSTERN_LAMBDA_NAMES: names,
    };
    const postern = await startPostern({ args: ['--lambda-endpoint', held.lambda?.url ?? ''], env });
    held.posterns.push(postern);
    return postern;
  };
  let pair: KeyPair;
  beforeAll(async () => {
    held.lambda = await startLambda(MOTO);
    pair = await prepareMoto(held.lambda.url, { accountId: ACCOUNT_ID, functionName: 'hello' });
  }, LONG_START_MS);
  afterAll(async () => {
    for (const postern of held.posterns) await postern.stop();
    await held.lambda?.stop();
  });

  it('is called by ARN, with a qualifier, and without a payload', async () => {
    const postern = await start(pair, 'arn');
    for (const FunctionName of ['hello', `arn:aws:lambda:us-east-1:${ACCOUNT_ID}:function:hello`]) {
      expect((await invoke(postern, { FunctionName, Payload: '{"a":1}' })).StatusCode).toBe(200);
      expect((await invoke(postern, { FunctionName, Qualifier: '$LATEST' })).StatusCode).toBe(200);
    }
  });

  it('computes the signature of each call as we do, with every argument signed', async () => {
    const postern = await start(pair, 'name');
    const wrong = await start({ ...pair, secretAccessKey: 'not-the-secret-of-this-key' }, 'name');
    await checkSignatures(held.lambda?.url ?? '');
    for (const more of [{}, { Payload: '{"a":1}' }, { LogType: 'Tail', ClientContext, Payload: '{}' }] as const) {
      expect((await invoke(postern, { FunctionName: 'hello', ...more })).StatusCode).toBe(200);
    }
    const headers = { 'x-api-key': wrong.demo.apiKey };
    const refused = await send(wrong.gateway, invokePath('hello'), { headers });
    expect([refused.status, refused.headers['x-postern-refusal']]).toEqual([502, 'upstream-credentials']);
  });
});
