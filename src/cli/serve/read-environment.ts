import { stat } from 'node:fs/promises';
import { parseEnv } from 'node:util';
import { findRangeFault } from '../../admin/check-range.ts';
import { readSettings, SETTING_NAMES, type SettingName } from '../../core/settings.ts';
import { findUnknownSettings } from '../../core/unknown-settings.ts';
import { usageError } from '../exit.ts';
import { readInput } from '../read-input.ts';

export type Environment = Readonly<Partial<Record<SettingName, string>>>;

/** The settings that are given: those of the environment, else of a file of `NAME=value` lines. */
export async function gatherSettings(
  env: NodeJS.ProcessEnv,
  file: string | undefined,
  given: Environment = {},
  onUnknown: (problems: readonly string[]) => void = () => {},
): Promise<Environment> {
  const values = { ...(file !== undefined && (await readFileOfSettings(file))), ...env, ...given };
  onUnknown(findUnknownSettings(values, SETTING_NAMES));
  return Object.fromEntries(SETTING_NAMES.flatMap((name) => (values[name] ? [[name, values[name]]] : [])));
}

/** The settings for a gateway of this machine, checked as the Worker itself checks them. */
export async function readEnvironment(
  env: NodeJS.ProcessEnv,
  file: string | undefined,
  given: Environment,
): Promise<Environment> {
  const environment = await gatherSettings(env, file, given, (problems) => {
    if (problems.length > 0) throw usageError(problems.join('\n  '));
  });
  const settings = readSettings(environment, findRangeFault);
  if (settings.ok) return environment;
  const where = file === undefined ? 'the environment (or give --settings FILE)' : `${file} or the environment`;
  throw usageError(`settings are wanting; they come from ${where}:\n  ${settings.error.join('\n  ')}`);
}

async function readFileOfSettings(file: string): Promise<NodeJS.Dict<string>> {
  const text = (await readInput(file)).toString();
  // What comes through a pipe is nobody else's to read.
  const mode = file === '-' ? 0 : (await stat(file)).mode;
  if (mode & 0o022) {
    throw usageError(`--settings ${file} holds secrets and others on this machine can change it: chmod 600 ${file}`);
  }
  if (mode & 0o004) {
    throw usageError(`--settings ${file} holds secrets and anybody on this machine can read it: chmod 600 ${file}`);
  }
  return parseEnv(text);
}
