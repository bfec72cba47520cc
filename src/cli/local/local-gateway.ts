import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Log, LogLevel, Miniflare } from 'miniflare';
import { unstable_readConfig } from 'wrangler';
import { LISTENER_BINDING, LOOPBACK_ONLY } from '../../core/listener.ts';
import { type Bundle, PACKAGE_ROOT, WASM } from './bundle.ts';

export interface LocalGatewayOptions {
  readonly bundle: Bundle;
  /** The folder of the objects' databases. */
  readonly persistTo: string;
  readonly port: number;
  readonly settings: Readonly<Record<string, string>>;
  /** Receives each line that the Worker logs. */
  readonly log: (line: string) => void;
}

export interface LocalGateway {
  readonly url: string;
  close(): Promise<void>;
}

const WORKER = 'postern';

/** Runs the bundled Worker on workerd through Miniflare, with the date, flags, variables and objects of `wrangler.toml`. */
export async function startLocalGateway(options: LocalGatewayOptions): Promise<LocalGateway> {
  const config = unstable_readConfig({ config: join(PACKAGE_ROOT, 'wrangler.toml') });
  if (config.compatibility_date === undefined) throw new Error('wrangler.toml has no compatibility_date');
  const variables = Object.entries({ ...config.vars, ...options.settings });
  const objects: readonly { name: string; class_name: string }[] = config.durable_objects.bindings;
  const miniflare = new Miniflare({
    host: '127.0.0.1',
    port: options.port,
    cf: false,
    logRequests: false,
    telemetry: { enabled: false },
    enableDevRegistry: false,
    resourcePersistencePath: options.persistTo,
    log: new Log(LogLevel.ERROR),
    handleStructuredLogs: ({ message }) => options.log(message),
    workers: [
      {
        config: {
          name: WORKER,
          compatibilityDate: config.compatibility_date,
          compatibilityFlags: config.compatibility_flags,
          manifest: {
            mainModule: 'worker.js',
            modules: {
              'worker.js': { type: 'esm', contents: await readFile(options.bundle.path, 'utf8') },
              [WASM]: { type: 'wasm', contents: await readFile(options.bundle.wasmPath) },
            },
          },
          env: Object.fromEntries([
            // Says that the gateway listens on 127.0.0.1 only. Miniflare's Worker hides the peer's address from ours.
            [LISTENER_BINDING, { type: 'text', value: LOOPBACK_ONLY }] as const,
            ...variables.map(([name, value]) => [name, { type: 'text', value: String(value) }] as const),
            ...objects.map(
              ({ name, class_name }) =>
                [name, { type: 'durable-object', worker: WORKER, exportName: class_name }] as const,
            ),
          ]),
          exports: Object.fromEntries(
            objects.map(({ class_name }) => [class_name, { type: 'durable-object', storage: 'sqlite' }] as const),
          ),
        },
      },
    ],
  });
  const url = await miniflare.ready;
  return { url: url.origin, close: () => miniflare.dispose() };
}
