import { stat } from 'node:fs/promises';
import { parseEnv } from 'node:util';
import { readSettings, SETTING_NAMES } from '../../core/settings.ts';
import { findUnknownSettings } from '../../core/unknown-settings.ts';
import { findRangeFault } from '../../edge/address-ranges.ts';
import { usageError } from '../terminal/exit.ts';
import { readInput } from '../terminal/read-input.ts';
import { chooseSettings, type Environment, type SettingSource } from './choose-settings.ts';

export interface SettingsInput {
  readonly env: NodeJS.ProcessEnv;
  /** A file of `NAME=value` lines, which the environment overrides. */
  readonly file?: string | undefined;
  /** Settings from flags, which override both. */
  readonly flags?: SettingSource;
  /** Gets a line for each setting that overrides another. */
  readonly log: (line: string) => void;
  /** Called once, with a sentence for each name that is not a setting. */
  readonly onUnknown?: (problems: readonly string[]) => void;
}

/** Collects the settings: from flags, otherwise from the environment, otherwise from the file. */
export async function gatherSettings({ env, file, flags, log, onUnknown }: SettingsInput): Promise<Environment> {
  const sources: SettingSource[] = [{ name: 'the environment', values: env }];
  if (flags) sources.unshift(flags);
  if (file !== undefined) sources.push({ name: file, values: await readFileOfSettings(file) });
  onUnknown?.(findUnknownSettings(Object.assign({}, ...sources.map(({ values }) => values)), SETTING_NAMES));
  const { environment, notes } = chooseSettings(sources);
  for (const note of notes) log(note);
  return environment;
}

/** The settings for a gateway of this machine, checked as the Worker itself checks them. */
export async function readEnvironment(input: SettingsInput): Promise<Environment> {
  const { file } = input;
  const environment = await gatherSettings({
    ...input,
    onUnknown(problems) {
      if (problems.length > 0) throw usageError(problems.join('\n  '));
    },
  });
  const settings = readSettings(environment, findRangeFault);
  if (settings.ok) return environment;
  const where = file === undefined ? 'the environment (or give --settings FILE)' : `${file} or the environment`;
  throw usageError(`settings are missing or wrong; they come from ${where}:\n  ${settings.error.join('\n  ')}`);
}

async function readFileOfSettings(file: string): Promise<NodeJS.Dict<string>> {
  const text = (await readInput(file)).toString();
  // Nobody else can read what comes through a pipe.
  const mode = file === '-' ? 0 : (await stat(file)).mode;
  if (mode & 0o022) {
    throw usageError(`--settings ${file} holds secrets, and others on this machine can change it: chmod 600 ${file}`);
  }
  if (mode & 0o004) {
    throw usageError(`--settings ${file} holds secrets, and anybody on this machine can read it: chmod 600 ${file}`);
  }
  return parseEnv(text);
}
