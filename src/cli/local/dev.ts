import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { SETTING_NAMES } from '../../core/settings.ts';
import { findUnknownSettings } from '../../core/unknown-settings.ts';
import { isLoopback } from '../../edge/plain-http.ts';
import { listFunctions } from '../../emulator/catalog.ts';
import { startEmulator } from '../../emulator/start.ts';
import { createAdminClient } from '../operator/admin-client.ts';
import { whyUnreachable } from '../operator/unreachable.ts';
import { usageError } from '../terminal/exit.ts';
import { assertFree } from './assert-free.ts';
import { bundleWorker } from './bundle.ts';
import { ensureDemo } from './demo.ts';
import { type DemoTenant, type DevState, openState, saveState } from './dev-state.ts';
import { startLocalGateway } from './local-gateway.ts';
import { lockState } from './lock-state.ts';

export interface DevOptions {
  readonly port: number;
  readonly lambdaPort: number;
  /** The address of a Lambda to use instead of the local Lambda, with the AWS settings of the environment. */
  readonly lambdaEndpoint?: string;
  /** The folder of the developer's handlers. */
  readonly functions?: string;
  readonly state: string;
  /** Receives each line to print while the server runs. */
  readonly log: (line: string) => void;
}

/** The gateway and its Lambda, running on this machine. */
export interface DevServer {
  readonly gateway: string;
  readonly lambda: string;
  readonly accountId: string;
  readonly region: string;
  /** The names of the developer's handlers. Undefined if Lambda is elsewhere, because its functions are then unknown. */
  readonly functions: readonly string[] | undefined;
  readonly adminToken: string;
  readonly demo: DemoTenant;
  close(): Promise<void>;
}

const ACCOUNT_ID = '123456789012';
/** Tells the user how to run a second `postern dev`, which needs a separate folder and separate ports. */
const BESIDE = 'start this one with --state .postern-2 --port 0 --lambda-port 0';
const PROBE_MS = 2_000;

/** Starts the local Lambda (unless an endpoint is given) and the gateway on workerd. Ensures that the demo tenant exists. */
export async function startDev(options: DevOptions): Promise<DevServer> {
  const unknown = findUnknownSettings(process.env, SETTING_NAMES);
  if (unknown.length > 0) throw usageError(unknown.join('\n  '));
  const stateDir = resolve(options.state);
  const state = await openState(stateDir);
  const closers: (() => Promise<void>)[] = [(await lockState(stateDir, BESIDE)).release];
  const close = async () => {
    await Promise.allSettled(closers.splice(0).map((closer) => closer()));
  };
  try {
    await assertFree('127.0.0.1', options.port, '--port');
    const lambda = options.lambdaEndpoint
      ? useLambda(options.lambdaEndpoint, process.env)
      : await startLambda(options, state, closers);
    if (options.lambdaEndpoint) await warnUnlessAnswered(options.lambdaEndpoint, options.log);
    const bundle = await bundleWorker(join(stateDir, 'build'));
    const gateway = await startLocalGateway({
      bundle,
      persistTo: join(stateDir, 'objects'),
      port: options.port,
      settings: {
        POSTERN_ROOT_KEYS: state.rootKeys,
        POSTERN_ADMIN_TOKEN: state.adminToken,
        AWS_ENDPOINT_URL_LAMBDA: lambda.url,
        // Some emulators know functions only by their bare names.
        ...(process.env.POSTERN_LAMBDA_NAMES && { POSTERN_LAMBDA_NAMES: process.env.POSTERN_LAMBDA_NAMES }),
        ...lambda.settings,
      },
      log: options.log,
    });
    closers.push(gateway.close);
    const demo = await ensureDemo(createAdminClient(gateway.url, state.adminToken), state.demo);
    if (demo !== state.demo) await saveState(stateDir, { ...state, demo });
    return {
      gateway: gateway.url,
      lambda: lambda.url,
      accountId: lambda.settings.AWS_ACCOUNT_ID,
      region: lambda.settings.AWS_REGION,
      functions: lambda.functions,
      adminToken: state.adminToken,
      demo,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Warns if nothing listens at the endpoint. Sends no request, because an emulator might treat the request as a call. */
async function warnUnlessAnswered(endpoint: string, log: (line: string) => void): Promise<void> {
  const { protocol, hostname, port } = new URL(endpoint);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const socket = connect(Number(port) || (protocol === 'https:' ? 443 : 80), host);
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(PROBE_MS) });
  } catch (error) {
    log(
      `Nothing answers at --lambda-endpoint ${endpoint} (${whyUnreachable(error)}): calls fail until something does.`,
    );
  } finally {
    socket.destroy();
  }
}

interface Upstream {
  readonly url: string;
  readonly functions?: readonly string[];
  readonly settings: {
    readonly AWS_ACCOUNT_ID: string;
    readonly AWS_REGION: string;
    readonly AWS_ACCESS_KEY_ID: string;
    readonly AWS_SECRET_ACCESS_KEY: string;
    readonly AWS_SESSION_TOKEN?: string;
  };
}

async function startLambda(options: DevOptions, state: DevState, closers: (() => Promise<void>)[]): Promise<Upstream> {
  await assertFree('127.0.0.1', options.lambdaPort, '--lambda-port');
  const region = process.env.AWS_REGION ?? 'us-east-1';
  const emulator = await startEmulator({
    port: options.lambdaPort,
    accountId: ACCOUNT_ID,
    credentials: state.lambda,
    ...(options.functions !== undefined && { functionsDir: resolve(options.functions) }),
    log: options.log,
  });
  closers.push(() => emulator.close());
  return {
    url: emulator.url,
    functions: options.functions === undefined ? [] : listFunctions(options.functions),
    settings: {
      AWS_ACCOUNT_ID: ACCOUNT_ID,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: state.lambda.accessKeyId,
      AWS_SECRET_ACCESS_KEY: state.lambda.secretAccessKey,
    },
  };
}

/** LocalStack's default settings, used for an emulator on this machine. */
const LOCALSTACK = {
  AWS_ACCOUNT_ID: '000000000000',
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
};
type Needed = keyof typeof LOCALSTACK;

/** Takes the AWS settings from the environment. If the endpoint is on this machine, missing settings get defaults. */
function useLambda(endpoint: string, env: NodeJS.ProcessEnv): Upstream {
  const { AWS_ACCESS_KEY_ID: _id, AWS_SECRET_ACCESS_KEY: _secret, ...place } = LOCALSTACK;
  const hasKeys = env.AWS_ACCESS_KEY_ID !== undefined || env.AWS_SECRET_ACCESS_KEY !== undefined;
  // The default key pair applies only if the environment has neither the id nor the secret.
  const localDefaults = hasKeys ? place : LOCALSTACK;
  const defaults: Partial<typeof LOCALSTACK> = isLoopback(endpoint) ? localDefaults : {};
  const missing: string[] = [];
  const setting = (name: Needed): string => {
    const value = env[name] || defaults[name];
    if (value === undefined) missing.push(name);
    return value ?? '';
  };
  const settings = {
    AWS_ACCOUNT_ID: setting('AWS_ACCOUNT_ID'),
    AWS_REGION: setting('AWS_REGION'),
    AWS_ACCESS_KEY_ID: setting('AWS_ACCESS_KEY_ID'),
    AWS_SECRET_ACCESS_KEY: setting('AWS_SECRET_ACCESS_KEY'),
    ...(hasKeys && env.AWS_SESSION_TOKEN && { AWS_SESSION_TOKEN: env.AWS_SESSION_TOKEN }),
  };
  if (missing.length > 0) {
    throw usageError(`--lambda-endpoint ${endpoint} needs ${missing.join(', ')} in the environment`);
  }
  return { url: endpoint, settings };
}

/** The outcome of the first call. */
export interface FirstCall {
  readonly status: number;
  /** The `x-amz-function-error` header, which is present if the function threw. */
  readonly functionError: string | null;
  readonly body: string;
}

/** Makes the first call, so that a newcomer sees an answer. */
export async function firstCall({ gateway, demo }: DevServer): Promise<FirstCall> {
  const response = await fetch(`${gateway}/2015-03-31/functions/hello/invocations`, {
    method: 'POST',
    headers: { 'x-api-key': demo.apiKey, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'Postern', id: randomUUID() }),
  });
  const functionError = response.headers.get('x-amz-function-error');
  return { status: response.status, functionError, body: await response.text() };
}
