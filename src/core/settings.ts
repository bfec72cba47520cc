import { parseRootKeys, type RootKeys } from './identity/root-keys.ts';
import { INVOKE_LIMITS } from './invoke/limits.ts';
import { partitionOf } from './invoke/region.ts';
import type { ContentTypes } from './policy/policy.ts';
import { err, ok, type Result } from './result.ts';
import { findUnknownSettings } from './unknown-settings.ts';

/** The credentials that we sign with; from the operator's AWS account. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Each setting, by its name in the environment. */
export const SETTING_NAMES = [
  'POSTERN_ROOT_KEYS',
  'POSTERN_ADMIN_TOKEN',
  'AWS_ACCOUNT_ID',
  'AWS_REGION',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_ENDPOINT_URL_LAMBDA',
  'POSTERN_CLIENT_IP_HEADER',
  'POSTERN_HOSTS',
  'POSTERN_MAX_FUNCTION_NAME_LENGTH',
  'POSTERN_CHECK_JSON',
  'POSTERN_LAMBDA_NAMES',
  'POSTERN_CONTENT_TYPES',
  'POSTERN_LOG_ADDRESS',
  'POSTERN_ADMIN',
  'POSTERN_ADMIN_IP_ALLOW',
] as const;
export type SettingName = (typeof SETTING_NAMES)[number];

/** Everything that an operator sets, read once and checked. */
export interface Settings {
  readonly rootKeys: RootKeys;
  readonly adminToken: string;
  readonly accountId: string;
  readonly region: string;
  readonly credentials: AwsCredentials;
  /** `http(s)://host[:port]` in place of AWS's endpoints. */
  readonly lambdaEndpoint?: string;
  /** The header in which a trusted proxy names the caller's address, in place of what the platform says. */
  readonly clientIpHeader?: string;
  /** The hosts that are served, lower case, each with or without a port; absent: any. */
  readonly hosts?: ReadonlySet<string>;
  /** The most characters that a FunctionName may have, 170 to 256. */
  readonly maxFunctionNameLength: number;
  /** Whether payloads are checked to be JSON here. If not, Lambda checks them, and a call that it refuses costs a unit. */
  readonly checkJson: boolean;
  /** How functions are named to Lambda: by full ARN, or by bare name, which reaches only our account and region. */
  readonly lambdaNames: LambdaNames;
  /** Which content types a payload may have, unless the tenant's policy says otherwise. */
  readonly contentTypes: ContentTypes;
  /** How much of a caller's address the log has: all of it, its network (/24 or /48), or nothing. */
  readonly logAddress: LogAddress;
  /** Whether there is an admin API at all. */
  readonly admin: boolean;
  /** Ranges (CIDR) that may use the admin API. Absent: any address. */
  readonly adminIpAllow?: readonly string[];
}

export const LAMBDA_NAMES = ['arn', 'name'] as const;
export type LambdaNames = (typeof LAMBDA_NAMES)[number];

export const LOG_ADDRESSES = ['full', 'prefix', 'off'] as const;
export type LogAddress = (typeof LOG_ADDRESSES)[number];

/** The only place whose functions the gateway can reach; undefined: any. A bare name means another function elsewhere. */
export const onlyPlaceOf = ({
  lambdaNames,
  accountId,
  region,
}: Pick<Settings, 'lambdaNames' | 'accountId' | 'region'>) =>
  lambdaNames === 'name' ? { account: accountId, region } : undefined;

const MIN_ADMIN_TOKEN_LENGTH = 32;
/** 32 characters of `openssl rand -hex` have fewer different ones once in 10^6 times; words have more. */
const MIN_ADMIN_TOKEN_CHARACTERS = 8;
const ORIGIN = /^https?:\/\/(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(:(\d{1,5}))?\/?$/;
/** What a header can carry as it is (RFC 9110, VCHAR). */
const VISIBLE_ASCII = /^[\x21-\x7e]+$/;
/** A host as `Host` names it: a name, an IPv4 address or an IPv6 one in brackets, and perhaps a port. */
const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?$/;
const HEADER_NAME = /^[A-Za-z][A-Za-z0-9-]{0,63}$/;

/**
 * Reads the settings.
 *
 * @returns the settings, or a sentence for each that is missing or malformed. It names the setting and the fix,
 * and never holds a value.
 *
 * @param findRangeFault says what is wrong with a range (CIDR). Without it a range goes unchecked, and one that cannot be
 * read matches no address: fails closed.
 */
export function readSettings(
  env: Readonly<Record<string, unknown>>,
  findRangeFault: (range: string) => string | undefined = () => undefined,
): Result<Settings, readonly string[]> {
  const problems: string[] = [...findUnknownSettings(env, SETTING_NAMES)];
  const optional = (name: SettingName): string | undefined => {
    const value = env[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const checked = <T>(name: SettingName, hint: string, parse: (text: string) => Result<T, string>): T | undefined => {
    const text = optional(name);
    const parsed = text === undefined ? err(`is not set: ${hint}`) : parse(text);
    if (parsed.ok) return parsed.value;
    problems.push(`${name} ${parsed.error}`);
    return undefined;
  };
  const fits = (fit: boolean, text: string, problem: string) => (fit ? ok(text) : err(problem));

  const rootKeys = checked(
    'POSTERN_ROOT_KEYS',
    "set it to '1:' and the output of: openssl rand -base64 32",
    parseRootKeys,
  );
  const adminToken = checked('POSTERN_ADMIN_TOKEN', 'make one with: openssl rand -hex 32', (text) =>
    text.length >= MIN_ADMIN_TOKEN_LENGTH && VISIBLE_ASCII.test(text)
      ? fits(
          new Set(text).size >= MIN_ADMIN_TOKEN_CHARACTERS,
          text,
          'is easy to guess, too many of its characters repeat: make one with: openssl rand -hex 32',
        )
      : err(`must have at least ${MIN_ADMIN_TOKEN_LENGTH} characters, all visible ASCII`),
  );
  const accountId = checked('AWS_ACCOUNT_ID', 'the twelve digits of your AWS account', (text) =>
    fits(/^\d{12}$/.test(text), text, 'must be twelve digits'),
  );
  const region = checked('AWS_REGION', 'the AWS region of your functions', (text) =>
    fits(partitionOf(text) !== undefined, text, 'must be an AWS region, such as eu-west-1'),
  );
  const accessKeyId = checked('AWS_ACCESS_KEY_ID', 'the access key id that calls are signed with', (text) =>
    fits(/^\w{1,128}$/.test(text), text, 'must be letters, digits and underscores'),
  );
  const secretAccessKey = checked('AWS_SECRET_ACCESS_KEY', 'the secret of AWS_ACCESS_KEY_ID', (text) =>
    fits(VISIBLE_ASCII.test(text), text, 'must be visible ASCII without white space'),
  );
  const sessionToken =
    optional('AWS_SESSION_TOKEN') === undefined
      ? undefined
      : checked('AWS_SESSION_TOKEN', '', (text) =>
          fits(VISIBLE_ASCII.test(text), text, 'must be visible ASCII without white space'),
        );
  const lambdaEndpoint =
    optional('AWS_ENDPOINT_URL_LAMBDA') === undefined
      ? undefined
      : checked('AWS_ENDPOINT_URL_LAMBDA', '', (text) =>
          fits(isOrigin(text), text.replace(/\/$/, ''), 'must be http(s)://host or http(s)://host:port'),
        );
  const clientIpHeader =
    optional('POSTERN_CLIENT_IP_HEADER') === undefined
      ? undefined
      : checked('POSTERN_CLIENT_IP_HEADER', '', (text) =>
          fits(HEADER_NAME.test(text), text.toLowerCase(), 'must be the name of a header, such as X-Real-IP'),
        );
  const hosts = optional('POSTERN_HOSTS') === undefined ? undefined : checked('POSTERN_HOSTS', '', parseHosts);
  const maxFunctionNameLength =
    optional('POSTERN_MAX_FUNCTION_NAME_LENGTH') === undefined
      ? INVOKE_LIMITS.maxFunctionNameLength
      : checked('POSTERN_MAX_FUNCTION_NAME_LENGTH', '', parseNameLength);

  const contentTypes =
    optional('POSTERN_CONTENT_TYPES') === undefined
      ? 'strict'
      : checked('POSTERN_CONTENT_TYPES', '', (text) =>
          fits(/^(strict|lenient)$/.test(text), text, "must be 'strict' or 'lenient'"),
        );
  const checkJson =
    optional('POSTERN_CHECK_JSON') === undefined
      ? 'on'
      : checked('POSTERN_CHECK_JSON', '', (text) => fits(/^(on|off)$/.test(text), text, "must be 'on' or 'off'"));

  const oneOf = <T extends string>(name: SettingName, values: readonly [T, ...T[]]): T => {
    if (optional(name) === undefined) return values[0];
    const words = values.map((value) => `'${value}'`);
    const problem = `must be ${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
    const found = checked(name, '', (text) => {
      const value = values.find((one) => one === text);
      return value === undefined ? err(problem) : ok(value);
    });
    return found ?? values[0];
  };
  const lambdaNames = oneOf('POSTERN_LAMBDA_NAMES', LAMBDA_NAMES);
  if (lambdaNames === 'name' && optional('AWS_ENDPOINT_URL_LAMBDA') === undefined) {
    problems.push(
      "POSTERN_LAMBDA_NAMES 'name' is for emulators only: set AWS_ENDPOINT_URL_LAMBDA, or remove POSTERN_LAMBDA_NAMES",
    );
  }
  const logAddress = oneOf('POSTERN_LOG_ADDRESS', LOG_ADDRESSES);
  const admin = oneOf('POSTERN_ADMIN', ['on', 'off']);
  const adminIpAllow =
    optional('POSTERN_ADMIN_IP_ALLOW') === undefined
      ? undefined
      : checked('POSTERN_ADMIN_IP_ALLOW', '', (text) => parseRanges(text, findRangeFault));

  if (
    problems.length > 0 ||
    !rootKeys ||
    !adminToken ||
    !accountId ||
    !region ||
    !accessKeyId ||
    !secretAccessKey ||
    !maxFunctionNameLength
  ) {
    return err(problems);
  }
  return ok({
    rootKeys,
    adminToken,
    accountId,
    region,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) },
    ...(lambdaEndpoint !== undefined && { lambdaEndpoint }),
    ...(clientIpHeader !== undefined && { clientIpHeader }),
    ...(hosts !== undefined && { hosts }),
    maxFunctionNameLength,
    checkJson: checkJson === 'on',
    lambdaNames,
    contentTypes: contentTypes === 'lenient' ? 'lenient' : 'strict',
    logAddress,
    admin: admin === 'on',
    ...(adminIpAllow && { adminIpAllow }),
  });
}

function isOrigin(text: string): boolean {
  const match = ORIGIN.exec(text);
  return match !== null && Number(match[3] ?? 0) <= 65_535;
}

/** Ranges, separated by commas. */
function parseRanges(
  text: string,
  findRangeFault: (range: string) => string | undefined,
): Result<readonly string[], string> {
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
