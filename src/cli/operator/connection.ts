import type { Command } from 'commander';
import { Option } from 'commander';
import { usageError } from '../terminal/exit.ts';
import { isExposed, parseOrigin } from './origin.ts';
import { type Profiles, profileFile, readProfiles } from './profiles.ts';

/** A gateway's address, and the token for its admin API. */
export interface Connection {
  readonly url: string;
  readonly adminToken: string;
}

export interface ConnectionFlags {
  readonly url?: string;
  readonly profile?: string;
}

/** Characters that a header can carry unchanged (RFC 9110, VCHAR). `fetch` would quote the header in its error. */
export const VISIBLE_ASCII = /^[\x21-\x7e]+$/;

/** Options that every operator command has. */
export interface OperatorFlags extends ConnectionFlags {
  readonly json?: boolean;
}

/** Adds the options that select the gateway to a command. */
export const withConnection = (command: Command): Command =>
  command
    .addOption(
      new Option('--url <url>', 'the gateway; default: POSTERN_URL')
        // Throws our error: the error of the command-line parser would print the URL and any password in it.
        .argParser((text) => checkUrl(text, '--url'))
        .conflicts('profile'),
    )
    .option('--profile <name>', 'a profile in $POSTERN_CONFIG or ~/.config/postern/config.json');

/** A gateway's address, and the token stored with it, if any. */
interface Located {
  readonly url: string;
  /** The source of the address, for messages. */
  readonly by: string;
  readonly adminToken: string | undefined;
}

/**
 * Finds the gateway: from `--url`, otherwise `--profile`, otherwise POSTERN_URL, otherwise the default profile. The token
 * of a profile is sent only to the address in the same profile.
 */
async function locate({ url, profile }: ConnectionFlags, env: NodeJS.ProcessEnv): Promise<Located | undefined> {
  if (url !== undefined) return { url, by: '--url', adminToken: undefined };
  if (profile !== undefined) return fromProfile(profile, '--profile', await readProfiles(env));
  if (env.POSTERN_URL)
    return { url: checkUrl(env.POSTERN_URL, 'POSTERN_URL'), by: 'POSTERN_URL', adminToken: undefined };
  const profiles = await readProfiles(env);
  return profiles.default === undefined ? undefined : fromProfile(profiles.default, 'default', profiles);
}

function fromProfile(name: string, by: string, { file, profiles }: Profiles): Located {
  const profile = Object.hasOwn(profiles, name) ? profiles[name] : undefined;
  if (profile === undefined) {
    const names = Object.keys(profiles).join(', ') || 'none';
    throw usageError(`${by}: ${file} has no profile ${JSON.stringify(name)}; it has: ${names}`);
  }
  const where = `profile ${name} of ${file}`;
  return { url: checkUrl(profile.url, where), by: where, adminToken: profile.adminToken };
}

function checkUrl(text: string, where: string): string {
  try {
    return parseOrigin(text);
  } catch {
    throw usageError(`${where} must be http(s)://host or http(s)://host:port`);
  }
}

const isNowhere = (): Error =>
  usageError(
    'no gateway given: set POSTERN_URL and POSTERN_ADMIN_TOKEN, give --url, or write a profile (--help says where)',
  );

/** Returns the gateway and its admin token. Throws if the token would travel in clear text: fails closed. */
export async function readConnection(flags: ConnectionFlags, env: NodeJS.ProcessEnv): Promise<Connection> {
  const located = await locate(flags, env);
  if (!located) throw isNowhere();
  const { url, by } = located;
  const adminToken = located.adminToken ?? tokenOfEnvironment(located, env);
  if (!adminToken) {
    throw usageError(
      `no admin token for ${url} (from ${by}): set POSTERN_ADMIN_TOKEN, or "adminToken" in a profile in ${profileFile(env)}`,
    );
  }
  if (!VISIBLE_ASCII.test(adminToken)) {
    throw usageError(
      'the admin token must be visible ASCII without white space; check that it is complete and quoted correctly',
    );
  }
  assertPrivate(url, by, 'An admin token');
  return { url, adminToken };
}

/**
 * Returns `POSTERN_ADMIN_TOKEN`. If `POSTERN_URL` is set, the token belongs to that address. For any other address this
 * function throws, so that the token does not leak.
 */
function tokenOfEnvironment({ url, by }: Located, env: NodeJS.ProcessEnv): string | undefined {
  const { POSTERN_ADMIN_TOKEN, POSTERN_URL } = env;
  if (!POSTERN_ADMIN_TOKEN || !POSTERN_URL) return POSTERN_ADMIN_TOKEN;
  const owner = checkUrl(POSTERN_URL, 'POSTERN_URL');
  if (owner === url) return POSTERN_ADMIN_TOKEN;
  throw usageError(
    `POSTERN_ADMIN_TOKEN belongs to POSTERN_URL (${owner}) and is not sent to ${url} (from ${by}): unset POSTERN_URL, or put an "adminToken" in a profile`,
  );
}

/** Returns the gateway's address without a token, for callers. Undefined if no gateway is named. */
export const findGateway = async (flags: ConnectionFlags, env: NodeJS.ProcessEnv): Promise<string | undefined> =>
  (await locate(flags, env))?.url;

/** Returns the gateway's address without a token, for callers. Throws if a caller's key would travel in clear text. */
export async function readGateway(flags: ConnectionFlags, env: NodeJS.ProcessEnv): Promise<string> {
  const located = await locate(flags, env);
  if (!located) throw usageError('no gateway given: set POSTERN_URL, or give --url or --profile');
  assertPrivate(located.url, located.by, 'A key');
  return located.url;
}

function assertPrivate(url: string, by: string, secret: string): void {
  if (!isExposed(url)) return;
  throw usageError(`${secret} must not travel over plain HTTP to another machine: use https in ${by} (${url})`);
}
