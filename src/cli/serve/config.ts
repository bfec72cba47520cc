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

/** The part of the gateway that a listener serves: calls, the admin API, or both (`all`). Each is a Worker entrypoint. */
export type Serves = 'all' | 'callers' | 'admin';

/** A listener of workerd. */
export interface ServeSocket {
  readonly name: string;
  /** `host:port`, with an IPv6 address in brackets. If absent, workerd inherits a socket that already listens. */
  readonly address?: string;
  /** The part of the gateway that this listener serves. Default `all`. */
  readonly serves?: Serves;
  /** Absolute paths of PEM files. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
  /** True if a proxy in front ends TLS and sets `X-Forwarded-Proto`. */
  readonly behindTlsProxy?: boolean;
  /** True if callers connect directly, without a proxy, so no header names the caller. */
  readonly isDirect?: boolean;
  /** True if `CF-Connecting-IP` comes from a trusted proxy. Otherwise it is removed. */
  readonly keepConnectingIp?: boolean;
}

export interface ServeConfig {
  /** The absolute path that `workerFileOf` returns for a built folder. */
  readonly workerFile: string;
  /** The folder of the objects' databases: it must exist, and its path is absolute. */
  readonly objectsDir: string;
  readonly sockets: readonly ServeSocket[];
  /** `AWS_ENDPOINT_URL_LAMBDA`. Decides which addresses the Worker may connect to: see `reachable`. */
  readonly lambdaEndpoint?: string | undefined;
  /** True if token issuers may also be on this machine. If false, they must be at public addresses, wherever Lambda is. */
  readonly localIssuers?: boolean | undefined;
}

/** Returns the path of the file in a built folder that workerd reads. */
export const workerFileOf = (dist: string): string => join(dist, 'postern.capnp');

const HEADER = 'using Workerd = import "/workerd/workerd.capnp";\n';

/** Instance metadata services, which hand out credentials: all link-local addresses, and AWS's IPv6 address. */
const METADATA = ['169.254.0.0/16', 'fe80::/10', 'fd00:ec2::254/128'];

/** Renders a text as a Cap'n Proto literal. */
function quote(text: string): string {
  const escaped = text.replace(/[\\"]/g, '\\$&');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to escape
  return `"${escaped.replace(/[\x00-\x1f\x7f]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`)}"`;
}

const list = (items: readonly string[]): string => `[${items.join(', ')}]`;
const texts = (items: readonly string[]): string => list(items.map(quote));

/**
 * Renders the file that describes the Worker to workerd, for the folder of the Worker's modules. The file defines `worker`,
 * for other files to import, and `config`, which serves the Worker at 127.0.0.1:8787 with the databases in `./objects`.
 * workerd reads each setting from the environment, so the file holds no secret.
 */
export function renderWorker({ compatibilityDate, compatibilityFlags, objects }: WorkerFacts): string {
  const settings = SETTING_NAMES.map((name) => `(name = ${quote(name)}, fromEnvironment = ${quote(name)})`);
  const bindings = objects.map(
    ({ name, class_name }) => `(name = ${quote(name)}, durableObjectNamespace = ${quote(class_name)})`,
  );
  // `uniqueKey` names the folder of the databases. If the key changed, workerd would not find the existing databases.
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

/** Renders the configuration of one run, for `workerd serve -I /`. */
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
 * Returns the addresses that the Worker may connect to, whatever URL the Worker is made to fetch. Without an endpoint, the
 * Worker may reach all public addresses. An endpoint that is an IP address opens only that address, and `localhost` opens
 * only this machine. workerd resolves any other host name at each connection, so a name opens all public and private
 * addresses, but never a metadata service.
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
    // A header without a value here is removed, because any caller could forge it.
    ...(keepConnectingIp ? [] : ['injectRequestHeaders = [(name = "CF-Connecting-IP")]']),
  ];
  const http = `(${options.join(', ')})`;
  const protocol = tls
    ? `https = (options = ${http}, tlsOptions = (keypair = (privateKey = embed ${quote(tls.keyFile)}, certificateChain = embed ${quote(tls.certFile)})))`
    : `http = ${http}`;
  // The Worker reads the props from `ctx.props`, where no caller can write. The runtime parses props on each call, so we
  // omit the props in the strict case, which the Worker assumes if there are no props.
  const props: ListenerProps = { behindTlsProxy, isDirect };
  const stated = behindTlsProxy || isDirect ? `, props = (json = ${quote(JSON.stringify(props))})` : '';
  const entrypoint = serves === 'all' ? '' : `, entrypoint = ${quote(serves)}`;
  const service = `(name = "postern"${entrypoint}${stated})`;
  const where = address === undefined ? '' : `address = ${quote(address)}, `;
  return `(name = ${quote(name)}, ${where}service = ${service}, ${protocol})`;
}
