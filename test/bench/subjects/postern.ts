import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { bundleWorker } from '../../../src/cli/bundle.ts';
import { admin } from '../../support/postern.ts';
import { freePort, WORKERD, workerModule } from '../../support/workerd.ts';
import { startServer } from '../machine.ts';
import { INVOKE_PATH, REGION, type Site, type Subject } from './subject.ts';
import { writeWorkerdConfig } from './workerd.ts';

/** A tenant's key: as an API key, and as an AWS key pair. */
export interface CallerKey {
  readonly apiKey: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface Postern extends Subject {
  readonly origin: string;
  readonly adminToken: string;
  admin<T>(method: string, path: string, document?: unknown): Promise<T>;
  /** Makes a tenant with one key. */
  makeTenant(more?: object): Promise<CallerKey & { tenantId: string; keyId: string }>;
}

export interface PosternOptions {
  /** Keeps names readable, for a profile. */
  readonly minify?: boolean;
  readonly inspectorPort?: number;
}

const OBJECTS = ['Tenant', 'Directory'];

/** Postern as it is deployed, its objects on disk, under `workerd serve`. */
export async function startPostern({ folder, upstream }: Site, options: PosternOptions = {}): Promise<Postern> {
  const { minify = true, inspectorPort } = options;
  await bundleWorker(folder, { minify });
  await mkdir(join(folder, 'objects'));
  const adminToken = randomBytes(20).toString('hex');
  const settings = {
    POSTERN_ROOT_KEYS: `1:${randomBytes(32).toString('base64')}`,
    POSTERN_ADMIN_TOKEN: adminToken,
    AWS_ACCOUNT_ID: '123456789012',
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: randomBytes(20).toString('hex'),
    AWS_ENDPOINT_URL_LAMBDA: upstream,
  };
  const bindings = [
    ...Object.entries(settings).map(([name, value]) => `(name = "${name}", text = "${value}")`),
    ...OBJECTS.map((name) => `(name = "${name.toUpperCase()}", durableObjectNamespace = "${name}")`),
  ];
  const classes = OBJECTS.map((name) => `(className = "${name}", uniqueKey = "postern-${name}", enableSql = true)`);
  const port = await freePort();
  const config = await writeWorkerdConfig(folder, {
    port,
    worker: `${workerModule()} bindings = [${bindings.join(', ')}],
      durableObjectNamespaces = [${classes.join(', ')}], durableObjectStorage = (localDisk = "objects")`,
    services: [`(name = "objects", disk = (path = "${join(folder, 'objects')}", writable = true))`],
  });
  const inspector = inspectorPort === undefined ? [] : ['--inspector-addr', `127.0.0.1:${inspectorPort}`];
  const server = await startServer('server', [WORKERD, 'serve', ...inspector, config], {
    port,
    logFile: join(folder, 'log'),
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
    adminToken,
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
