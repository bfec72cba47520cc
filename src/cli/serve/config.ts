import { isIP } from 'node:net';
import { join } from 'node:path';
import type { ListenerProps } from '../../core/listener.ts';
import { SETTING_NAMES } from '../../core/settings.ts';
import { WASM } from '../local/bundle.ts';

/** The facts about the Worker that workerd needs: the date, flags and objects of `wrangler.toml`. */
export interface WorkerFacts {
  readonly compatibilityDate: string;
  readonly compatibilityFlags: readonly string[];
  readonly objects: readonly { readonly name: string; readonly class_name: string }[];
}

/** The service of a listener: calls and the admin API, or one of them. Each is an entrypoint of the Worker. Default `all`. */
export type Serves = 'all' | 'callers' | 'admin';

/** A listener of workerd. */
export interface ServeSocket {
  readonly name: string;
  /** `host:port`, IPv6 in brackets. Absent: workerd gets a socket that already listens. */
  readonly address?: string;
  /** The service of this listener. Default `all`. */
  readonly serves?: Serves;
  /** PEM files, absolute paths. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
  /** A proxy in front ends TLS, and sets `X-Forwarded-Proto`. */
  readonly behindTlsProxy?: boolean;
  /** Callers connect to it without a proxy: no header names them. */
  readonly isDirect?: boolean;
  /** True if `CF-Connecting-IP` comes from a trusted proxy. Otherwise it is removed. */
  readonly keepConnectingIp?: boolean;
}

export interface ServeConfig {
  /** `workerFileOf` a built folder, absolute. */
  readonly workerFile: string;
  /** The folder of the objects' databases: it must exist, and its path is absolute. */
  readonly objectsDir: string;
  readonly sockets: readonly ServeSocket[];
  /** `AWS_ENDPOINT_URL_LAMBDA`, if it is set: all that the Worker may then reach. */
  readonly lambdaEndpoint?: string | undefined;
  /** Token issuers may be on this machine. If false, only at public addresses, wherever Lambda is. */
  readonly localIssuers?: boolean | undefined;
}

/** The file of a built folder that workerd reads. */
export const workerFileOf = (dist: string): string => join(dist, 'postern.capnp');

const HEADER = 'using Workerd = import "/workerd/workerd.capnp";\n';

/** Instance metadata services (link-local; AWS's on IPv6): they hand out credentials. */
const METADATA = ['169.254.0.0/16', 'fe80::/10', 'fd00:ec2::254/128'];

/** A text as Cap'n Proto's literal. */
function quote(text: string): string {
  const escaped = text.replace(/[\\"]/g, '\\$&');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to escape
  return `"${escaped.replace(/[\x00-\x1f\x7f]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`)}"`;
}

const list = (items: readonly string[]): string => `[${items.join(', ')}]`;
const texts = (items: readonly string[]): string => list(items.map(quote));

/**
 * Writes the Worker for workerd, beside its modules: `worker`, to be imported, and `config`, which serves it at
 * 127.0.0.1:8787 with the databases in `./objects`. Each setting is read from the environment: this file holds no secret.
 */
export function renderWorker({ compatibilityDate, compatibilityFlags, objects }: WorkerFacts): string {
  const settings = SETTING_NAMES.map((name) => `(name = ${quote(name)}, fromEnvironment = ${quote(name)})`);
  const bindings = objects.map(
    ({ name, class_name }) => `(name = ${quote(name)}, durableObjectNamespace = ${quote(class_name)})`,
  );
  // The key names the folder of the databases: one that changes leaves them behind.
  const classes = objects.map(
    ({ class_name }) =>
      `(className = ${quote(class_name)}, uniqueKey = ${quote(`postern-${class_name}`)}, enableSql = true)`,
  );
  const issuers = '(name = "ISSUERS", service = "issuers")';
  return `${HEADER}
const worker :Workerd.Worker = (
  modules = [
    (name = "worker.js", esModule = embed "worker.js"),
    (name = ${quote(WASM)}, wasm = embed ${quote(WASM)})
  ],
  compatibilityDate = ${quote(compatibilityDate)},
  compatibilityFlags = ${texts(compatibilityFlags)},
  bindings = [
    ${[...settings, ...bindings, issuers].join(',\n    ')}
  ],
  durableObjectNamespaces = ${list(classes)},
  durableObjectStorage = (localDisk = "objects")
);

const config :Workerd.Config = ${renderServices('.worker', {
    objectsDir: 'objects',
    sockets: [{ name: 'http', address: '127.0.0.1:8787' }],
  })};
`;
}

/** Writes the configuration of one run; for `workerd serve -I /`. */
export function renderServeConfig(config: ServeConfig): string {
  return `${HEADER}using Postern = import ${quote(config.workerFile)};

const config :Workerd.Config = ${renderServices('Postern.worker', config)};
`;
}

function renderServices(
  worker: string,
  { objectsDir, sockets, lambdaEndpoint, localIssuers = false }: Omit<ServeConfig, 'workerFile'>,
): string {
  const { allow, deny } = reachable(lambdaEndpoint);
  return `(
  services = [
    (name = "postern", worker = ${worker}),
    (name = "objects", disk = (path = ${quote(objectsDir)}, writable = true)),
    (name = "internet", network = (
      allow = ${texts(allow)}, deny = ${texts(deny)}, tlsOptions = (trustBrowserCas = true)
    )),
    (name = "issuers", network = (
      allow = ${texts(localIssuers ? ['public', 'local'] : ['public'])}, tlsOptions = (trustBrowserCas = true)
    ))
  ],
  sockets = [
    ${sockets.map(renderSocket).join(',\n    ')}
  ]
)`;
}

/**
 * The addresses that the Worker may connect to, whatever it is made to fetch: the public ones, or with an endpoint of the
 * operator's, that address alone. A host name is resolved at each connection, so a name opens private addresses, but
 * never the metadata service.
 */
function reachable(lambdaEndpoint: string | undefined): { allow: readonly string[]; deny: readonly string[] } {
  if (lambdaEndpoint === undefined) return { allow: ['public'], deny: [] };
  const host = new URL(lambdaEndpoint).hostname.replace(/^\[|\]$/g, '');
  const family = isIP(host);
  if (family !== 0) return { allow: [`${host}/${family === 4 ? 32 : 128}`], deny: [] };
  if (host === 'localhost' || host.endsWith('.localhost')) return { allow: ['local'], deny: [] };
  return { allow: ['public', 'private'], deny: METADATA };
}

function renderSocket({
  name,
  address,
  serves = 'all',
  tls,
  behindTlsProxy = false,
  isDirect = false,
  keepConnectingIp,
}: ServeSocket): string {
  const options = [
    // Without a value it is removed: here any caller could write it.
    ...(keepConnectingIp ? [] : ['injectRequestHeaders = [(name = "CF-Connecting-IP")]']),
  ];
  const http = `(${options.join(', ')})`;
  const protocol = tls
    ? `https = (options = ${http}, tlsOptions = (keypair = (privateKey = embed ${quote(tls.keyFile)}, certificateChain = embed ${quote(tls.certFile)})))`
    : `http = ${http}`;
  // The Worker finds them in `ctx.props`, where no caller can write. The runtime parses them for each call, so the strict
  // case, which is what the Worker takes it for without them, has none.
  const props: ListenerProps = { behindTlsProxy, isDirect };
  const stated = behindTlsProxy || isDirect ? `, props = (json = ${quote(JSON.stringify(props))})` : '';
  const entrypoint = serves === 'all' ? '' : `, entrypoint = ${quote(serves)}`;
  const service = `(name = "postern"${entrypoint}${stated})`;
  const where = address === undefined ? '' : `address = ${quote(address)}, `;
  return `(name = ${quote(name)}, ${where}service = ${service}, ${protocol})`;
}
