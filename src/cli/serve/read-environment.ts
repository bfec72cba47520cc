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
  /** A file of `NAME=value` lines. The environment overrides the file. */
  readonly file?: string | undefined;
  /** Settings from flags, which override the environment and the file. */
  readonly flags?: SettingSource;
  /** Receives a line for each setting whose value differs between sources. */
  readonly log: (line: string) => void;
  /** Called once, with a sentence for each unknown setting name. */
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

/** Returns the settings for a gateway on this machine. Checks the settings as the Worker does. */
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
  // Standard input needs no check, because nobody else can read a pipe.
  const mode = file === '-' ? 0 : (await stat(file)).mode;
  if (mode & 0o022) {
    throw usageError(`--settings ${file} holds secrets, and others on this machine can change it: chmod 600 ${file}`);
  }
  if (mode & 0o004) {
    throw usageError(`--settings ${file} holds secrets, and anybody on this machine can read it: chmod 600 ${file}`);
  }
  return parseEnv(text);
}
