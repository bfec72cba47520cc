import { parseRootKeys, type RootKey } from '../../core/identity/root-keys.ts';
import { readSettings, type Settings } from '../../core/settings.ts';
import { findRangeFault } from '../../edge/address-ranges.ts';
import type { Environment } from '../serve/choose-settings.ts';
import { type Finding, findingsOf } from './finding.ts';

const NEW_ROOT_KEY = 'make one with: openssl rand -base64 32, and put it in front, under the next version';
/** Minimum distinct bytes in a root key. Random keys have about 30 of 32. Fewer than one key in 10^9 has under 20. */
const LEAST_DISTINCT = 20;

/** Checks the settings as the Worker will, and whether the root keys and the admin token look random. */
export function checkSettings(environment: Environment): { findings: Finding[]; settings?: Settings } {
  const { ok, fail, skipped } = findingsOf('settings');
  if (environment.POSTERN_ROOT_KEYS === undefined && environment.AWS_ACCESS_KEY_ID === undefined) {
    const fix = 'set them in the environment, or give --settings FILE (NAME=value lines)';
    return { findings: [skipped('no settings given', fix)] };
  }
  const read = readSettings(environment, findRangeFault);
  const findings = read.ok ? [ok('complete')] : read.error.map((problem) => fail(...splitProblem(problem)));
  const rootKeys = parseRootKeys(environment.POSTERN_ROOT_KEYS ?? '');
  if (rootKeys.ok) findings.push(...[...rootKeys.value.byVersion.values()].map(judgeRootKey));
  const { POSTERN_ADMIN_TOKEN: token } = environment;
  if (token !== undefined) findings.push(judgeAdminToken(token));
  return { findings, ...(read.ok && { settings: read.value }) };
}

const splitProblem = (problem: string): [string, string] => {
  const [message = problem, fix = 'see src/docs/settings.md'] = problem.split(/: (.*)/s);
  return [message, fix];
};

function judgeRootKey({ version, secret }: RootKey): Finding {
  const { ok, fail } = findingsOf(`root key ${version}`);
  const isText = secret.every((byte) => byte >= 0x20 && byte < 0x7f);
  if (isText) return fail('it is text, not random bytes', NEW_ROOT_KEY);
  if (new Set(secret).size < LEAST_DISTINCT) return fail('its bytes repeat, so it is not random', NEW_ROOT_KEY);
  const steps = new Set(secret.slice(1).map((byte, index) => byte - (secret[index] ?? 0)));
  if (steps.size === 1) return fail('its bytes are evenly spaced, so it is not random', NEW_ROOT_KEY);
  return ok(`${secret.length} bytes that look random`);
}

function judgeAdminToken(token: string): Finding {
  const { ok, fail } = findingsOf('admin token');
  if (new Set(token).size >= 10) return ok(`${token.length} characters that look random`);
  return fail('its characters repeat, so it is not random', 'make one with: openssl rand -hex 32');
}
