import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildWorker } from '../../../src/cli/local/build.ts';
import { renderServeConfig } from '../../../src/cli/serve/config.ts';
import { admin } from '../../support/postern.ts';
import { freePort, WORKERD } from '../../support/workerd.ts';
import { startServer } from '../machine.ts';
import { INVOKE_PATH, REGION, type Site, type Subject } from './subject.ts';

/** A tenant's key: as an API key, and as an AWS key pair. */
export interface CallerKey {
  readonly apiKey: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface Postern extends Subject {
  readonly origin: string;
  admin<T>(method: string, path: string, document?: unknown): Promise<T>;
  /** Makes a tenant with one key. */
  makeTenant(more?: object): Promise<CallerKey & { tenantId: string; keyId: string }>;
}

export interface PosternOptions {
  /** False keeps names readable, for a profile. */
  readonly minify?: boolean;
  readonly inspectorPort?: number;
  /** Beside those that it needs. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Postern as it is deployed, its objects on disk, under `workerd serve` with the configuration of `postern serve`. */
export async function startPostern({ folder, upstream }: Site, options: PosternOptions = {}): Promise<Postern> {
  const { minify = true, inspectorPort, settings = {} } = options;
  const { config: workerFile } = await buildWorker(folder, { minify });
  const objectsDir = join(folder, 'objects');
  await mkdir(objectsDir);
  const port = await freePort();
  const configFile = join(folder, 'serve.capnp');
  const sockets = [{ name: 'gateway', address: `127.0.0.1:${port}` }];
  await writeFile(configFile, renderServeConfig({ workerFile, objectsDir, lambdaEndpoint: upstream, sockets }));
  const adminToken = randomBytes(20).toString('hex');
  const inspector = inspectorPort === undefined ? [] : ['--inspector-addr', `127.0.0.1:${inspectorPort}`];
  const server = await startServer('server', [WORKERD, 'serve', '-I', '/', ...inspector, configFile, 'config'], {
    port,
    logFile: join(folder, 'log'),
    env: {
      POSTERN_ROOT_KEYS: `1:${randomBytes(32).toString('base64')}`,
      POSTERN_ADMIN_TOKEN: adminToken,
      AWS_ACCOUNT_ID: '123456789012',
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
      AWS_SECRET_ACCESS_KEY: randomBytes(20).toString('hex'),
      AWS_ENDPOINT_URL_LAMBDA: upstream,
      ...settings,
    },
  });
  const origin = `http://127.0.0.1:${port}`;
  const ask = async <T>(method: string, path: string, document?: unknown): Promise<T> => {
    const { status, body } = await admin<T>({ gateway: origin, adminToken }, method, path, document);
    if (status >= 300) throw new Error(`${method} ${path} was answered ${status}: ${JSON.stringify(body)}`);
    return body;
  };
  return {
    name: 'Postern',
    server,
    origin,
    url: origin + INVOKE_PATH,
    admin: ask,
    async makeTenant(more = {}) {
      const { id } = await ask<{ id: string }>('POST', '/tenants', {
        name: 'bench',
        policy: { allow: [{ function: '*' }] },
        ...more,
      });
      const key = await ask<CallerKey & { id: string }>('POST', `/tenants/${id}/keys`, {});
      return { ...key, tenantId: id, keyId: key.id };
    },
    stop: () => server.stop(),
  };
}
