import { parseRootKeys, type RootKeys } from './identity/root-keys.ts';
import { INVOKE_LIMITS } from './invoke/limits.ts';
import { partitionOf } from './invoke/region.ts';
import type { ContentTypes } from './policy/policy.ts';
import { err, ok, type Result } from './result.ts';
import { findUnknownSettings } from './unknown-settings.ts';

/** The operator's AWS credentials, with which the gateway signs calls to Lambda. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** All settings of the operator, read once and checked. */
export interface Settings {
  readonly rootKeys: RootKeys;
  readonly adminToken: string;
  readonly accountId: string;
  readonly region: string;
  readonly credentials: AwsCredentials;
  /** The origin to use instead of AWS's endpoints, as `http(s)://host[:port]`. */
  readonly lambdaEndpoint?: string;
  /** The header in which a trusted proxy names the caller's address. Absent: the address that the platform reports. */
  readonly clientIpHeader?: string;
  /** The hosts that the gateway serves, in lower case, each with or without a port. Absent: any host. */
  readonly hosts?: ReadonlySet<string>;
  /** Maximum length of a FunctionName in characters, 170 to 256. */
  readonly maxFunctionNameLength: number;
  /**
   * True if the gateway checks that payloads are JSON. Otherwise Lambda checks, and a call that Lambda refuses costs a
   * unit.
   */
  readonly checkJson: boolean;
  /**
   * How the gateway names functions to Lambda: by full ARN, or by bare name, which reaches only its own account and
   * region.
   */
  readonly lambdaNames: LambdaNames;
  /** The content types that a payload may have, unless the tenant's policy says otherwise. */
  readonly contentTypes: ContentTypes;
  /** How much of a caller's address goes into the log: the whole address, its network (/24 or /48), or nothing. */
  readonly logAddress: LogAddress;
  /** True if there is an admin API at all. */
  readonly admin: boolean;
  /** Address ranges (CIDR) that may use the admin API. Absent: any address. */
  readonly adminIpAllow?: readonly string[];
}

export const LAMBDA_NAMES = ['arn', 'name'] as const;
export type LambdaNames = (typeof LAMBDA_NAMES)[number];

export const LOG_ADDRESSES = ['full', 'prefix', 'off'] as const;
export type LogAddress = (typeof LOG_ADDRESSES)[number];

/**
 * Returns the only account and region whose functions the gateway can reach. Undefined if the gateway can reach any. In
 * another account or region, a bare name means a different function.
 */
export const onlyPlaceOf = ({
  lambdaNames,
  accountId,
  region,
}: Pick<Settings, 'lambdaNames' | 'accountId' | 'region'>) =>
  lambdaNames === 'name' ? { account: accountId, region } : undefined;

/** Secrets that never leave the gateway. The admin token travels with every admin request, so no secret may contain it. */
const SECRETS = ['POSTERN_ROOT_KEYS', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'] as const;
const SHARED_SECRET = 'POSTERN_ADMIN_TOKEN is part of another secret: make a separate token with: openssl rand -hex 32';
const MIN_ADMIN_TOKEN_LENGTH = 32;
/** Minimum number of different characters. One in 28 million random tokens of 32 hex digits has fewer; words have more. */
const MIN_ADMIN_TOKEN_CHARACTERS = 8;
const ORIGIN = /^https?:\/\/(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(:(\d{1,5}))?\/?$/;
/** Characters that a header can carry unchanged (RFC 9110, VCHAR). */
const VISIBLE_ASCII = /^[\x21-\x7e]+$/;
/** A host as in the `Host` header: a name, an IPv4 address or an IPv6 address in brackets, with or without a port. */
const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?$/;
const HEADER_NAME = /^[A-Za-z][A-Za-z0-9-]{0,63}$/;

/** Describes how to read one setting. */
interface Setting<N extends string, T> {
  readonly name: N;
  /** What to do if the setting is missing. Absent: the setting is optional. */
  readonly hint?: string;
  /** The value if the setting is missing. */
  readonly byDefault?: T;
  /** Parses the text. An error says what is wrong but does not contain the value. */
  readonly parse: (text: string, findRangeFault: FindRangeFault) => Result<T, string>;
}

/** Returns what is wrong with a range (CIDR). Undefined if nothing is wrong. */
type FindRangeFault = (range: string) => string | undefined;

const fits = (fit: boolean, text: string, problem: string): Result<string, string> => (fit ? ok(text) : err(problem));

const required = <const N extends string, T>(name: N, hint: string, parse: Setting<N, T>['parse']): Setting<N, T> => ({
  name,
  hint,
  parse,
});

const optional = <const N extends string, T>(name: N, parse: Setting<N, T>['parse'], byDefault?: T): Setting<N, T> => ({
  name,
  parse,
  ...(byDefault !== undefined && { byDefault }),
});

/** A setting whose value is one of several words. Default: the first word. */
const choice = <const N extends string, T extends string>(name: N, words: readonly [T, ...T[]]): Setting<N, T> => {
  const quoted = words.map((word) => `'${word}'`);
  const problem = `must be ${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`;
  const parse = (text: string) => {
    const word = words.find((one) => one === text);
    return word === undefined ? err(problem) : ok(word);
  };
  return { name, byDefault: words[0], parse };
};

const parseSecret = (text: string) => fits(VISIBLE_ASCII.test(text), text, 'must be visible ASCII without white space');

/** Every setting. */
const SETTINGS = {
  rootKeys: required('POSTERN_ROOT_KEYS', "set it to '1:' and the output of: openssl rand -base64 32", parseRootKeys),
  adminToken: required('POSTERN_ADMIN_TOKEN', 'make one with: openssl rand -hex 32', parseAdminToken),
  accountId: required('AWS_ACCOUNT_ID', 'the twelve digits of your AWS account', (text) =>
    fits(/^\d{12}$/.test(text), text, 'must be twelve digits'),
  ),
  region: required('AWS_REGION', 'the AWS region of your functions', (text) =>
    fits(partitionOf(text) !== undefined, text, 'must be an AWS region, such as eu-west-1'),
  ),
  accessKeyId: required('AWS_ACCESS_KEY_ID', 'the access key id that calls are signed with', (text) =>
    fits(/^\w{1,128}$/.test(text), text, 'must be letters, digits and underscores'),
  ),
  secretAccessKey: required('AWS_SECRET_ACCESS_KEY', 'the secret of AWS_ACCESS_KEY_ID', parseSecret),
  sessionToken: optional('AWS_SESSION_TOKEN', parseSecret),
  lambdaEndpoint: optional('AWS_ENDPOINT_URL_LAMBDA', (text) =>
    fits(isOrigin(text), text.replace(/\/$/, ''), 'must be http(s)://host or http(s)://host:port'),
  ),
  clientIpHeader: optional('POSTERN_CLIENT_IP_HEADER', (text) =>
    fits(HEADER_NAME.test(text), text.toLowerCase(), 'must be the name of a header, such as X-Real-IP'),
  ),
  hosts: optional('POSTERN_HOSTS', parseHosts),
  maxFunctionNameLength: optional(
    'POSTERN_MAX_FUNCTION_NAME_LENGTH',
    parseNameLength,
    INVOKE_LIMITS.maxFunctionNameLength,
  ),
  checkJson: choice('POSTERN_CHECK_JSON', ['on', 'off']),
  lambdaNames: choice('POSTERN_LAMBDA_NAMES', LAMBDA_NAMES),
  contentTypes: choice('POSTERN_CONTENT_TYPES', ['strict', 'lenient']),
  logAddress: choice('POSTERN_LOG_ADDRESS', LOG_ADDRESSES),
  admin: choice('POSTERN_ADMIN', ['on', 'off']),
  adminIpAllow: optional('POSTERN_ADMIN_IP_ALLOW', parseRanges),
};

/** A setting's name in the environment. */
export type SettingName = (typeof SETTINGS)[keyof typeof SETTINGS]['name'];
export const SETTING_NAMES: readonly SettingName[] = Object.values(SETTINGS).map(({ name }) => name);

/** Creates a reader that reads settings one at a time and collects the problems. */
function createReader(env: Readonly<Record<string, unknown>>, findRangeFault: FindRangeFault) {
  const problems: string[] = [...findUnknownSettings(env, SETTING_NAMES)];
  const textOf = (name: SettingName): string | undefined => {
    const value = env[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const read = <T>({ name, hint, byDefault, parse }: Setting<SettingName, T>): T | undefined => {
    const text = textOf(name);
    if (text === undefined && hint === undefined) return byDefault;
    const parsed = text === undefined ? err(`is not set: ${hint}`) : parse(text, findRangeFault);
    if (parsed.ok) return parsed.value;
    problems.push(`${name} ${parsed.error}`);
    return undefined;
  };
  return { problems, textOf, read };
}

/**
 * Reads the settings.
 *
 * @param findRangeFault returns what is wrong with a range (CIDR). Without this function, ranges are not checked, and
 * an unreadable range matches no address: fails closed.
 * @returns the settings, or one sentence for each setting that is missing or malformed. A sentence names the setting
 * and the fix, and never contains a value.
 */
export function readSettings(
  env: Readonly<Record<string, unknown>>,
  findRangeFault: FindRangeFault = () => undefined,
): Result<Settings, readonly string[]> {
  const { problems, textOf, read } = createReader(env, findRangeFault);
  const rootKeys = read(SETTINGS.rootKeys);
  const adminToken = read(SETTINGS.adminToken);
  if (adminToken && SECRETS.some((name) => textOf(name)?.includes(adminToken))) problems.push(SHARED_SECRET);
  const accountId = read(SETTINGS.accountId);
  const region = read(SETTINGS.region);
  const accessKeyId = read(SETTINGS.accessKeyId);
  const secretAccessKey = read(SETTINGS.secretAccessKey);
  const sessionToken = read(SETTINGS.sessionToken);
  const lambdaEndpoint = read(SETTINGS.lambdaEndpoint);
  const clientIpHeader = read(SETTINGS.clientIpHeader);
  const hosts = read(SETTINGS.hosts);
  const maxFunctionNameLength = read(SETTINGS.maxFunctionNameLength);
  const checkJson = read(SETTINGS.checkJson);
  const lambdaNames = read(SETTINGS.lambdaNames);
  const contentTypes = read(SETTINGS.contentTypes);
  const logAddress = read(SETTINGS.logAddress);
  const admin = read(SETTINGS.admin);
  const adminIpAllow = read(SETTINGS.adminIpAllow);
  if (lambdaNames === 'name' && textOf('AWS_ENDPOINT_URL_LAMBDA') === undefined) problems.push(NEEDS_ENDPOINT);
  const isComplete = rootKeys && adminToken && accountId && region && accessKeyId && secretAccessKey;
  const isChosen = maxFunctionNameLength && lambdaNames && contentTypes && logAddress;
  if (problems.length > 0 || !isComplete || !isChosen) return err(problems);
  return ok({
    rootKeys,
    adminToken,
    accountId,
    region,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) },
    ...(lambdaEndpoint !== undefined && { lambdaEndpoint }),
    ...(clientIpHeader !== undefined && { clientIpHeader }),
    ...(hosts && { hosts }),
    maxFunctionNameLength,
    checkJson: checkJson === 'on',
    lambdaNames,
    contentTypes,
    logAddress,
    admin: admin === 'on',
    ...(adminIpAllow && { adminIpAllow }),
  });
}

const NEEDS_ENDPOINT =
  "POSTERN_LAMBDA_NAMES 'name' is for emulators only: set AWS_ENDPOINT_URL_LAMBDA, or remove POSTERN_LAMBDA_NAMES";

function parseAdminToken(text: string): Result<string, string> {
  if (text.length < MIN_ADMIN_TOKEN_LENGTH || !VISIBLE_ASCII.test(text)) {
    return err(`must have at least ${MIN_ADMIN_TOKEN_LENGTH} characters, all visible ASCII`);
  }
  const problem = 'is easy to guess, too many of its characters repeat: make one with: openssl rand -hex 32';
  return fits(new Set(text).size >= MIN_ADMIN_TOKEN_CHARACTERS, text, problem);
}

function isOrigin(text: string): boolean {
  const match = ORIGIN.exec(text);
  return match !== null && Number(match[3] ?? 0) <= 65_535;
}

/** Parses ranges that are separated by commas. */
function parseRanges(text: string, findRangeFault: FindRangeFault): Result<readonly string[], string> {
  const ranges = text.split(',').map((range) => range.trim());
  for (const [index, range] of ranges.entries()) {
    const fault = findRangeFault(range);
    if (fault !== undefined) return err(`must be ranges, separated by commas; number ${index + 1} ${fault}`);
  }
  return ok(ranges);
}

function parseHosts(text: string): Result<ReadonlySet<string>, string> {
  const hosts = text.split(',').map((host) => host.trim().toLowerCase());
  return hosts.every((host) => HOST.test(host))
    ? ok(new Set(hosts))
    : err('must be hosts as callers write them, separated by commas, such as gateway.example.com,10.0.0.7:8787');
}

function parseNameLength(text: string): Result<number, string> {
  const { maxFunctionNameLength: least, maxFunctionNameLengthCeiling: most } = INVOKE_LIMITS;
  const value = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  return value >= least && value <= most ? ok(value) : err(`must be a number from ${least} to ${most}`);
}
