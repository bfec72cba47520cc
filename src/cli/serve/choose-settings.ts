import { SETTING_NAMES, type SettingName } from '../../core/settings.ts';

export type Environment = Readonly<Partial<Record<SettingName, string>>>;

/** Settings from one source. */
export interface SettingSource {
  /** The name of the source in messages. */
  readonly name: string;
  readonly values: Readonly<Record<string, string | undefined>>;
}

/** Three settings that must come from one source: AWS refuses an id with the secret or session token of another id. */
const CREDENTIALS = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'] as const;
const isCredential = (name: string): boolean => (CREDENTIALS as readonly string[]).includes(name);

/**
 * Takes each setting from the first source that has it. AWS credentials all come from the first source that has
 * `AWS_ACCESS_KEY_ID`, or if no source has this id, from the first source that has any AWS credential.
 *
 * @param sources in order of precedence, highest first
 * @returns the settings, and a note for each setting whose value differs between sources. Notes never contain values.
 */
export function chooseSettings(sources: readonly SettingSource[]): {
  readonly environment: Environment;
  readonly notes: readonly string[];
} {
  const signing = firstWith(sources, 'AWS_ACCESS_KEY_ID') ?? sources.find(hasCredential);
  const environment: Partial<Record<SettingName, string>> = {};
  const notes: string[] = [];
  for (const name of SETTING_NAMES) {
    const source = isCredential(name) ? signing : firstWith(sources, name);
    const value = source?.values[name];
    if (value) environment[name] = value;
    const others = sources.filter(({ values }) => values[name] && values[name] !== value);
    if (others.length === 0 || source === undefined) continue;
    const set = isCredential(name) ? ' (all AWS credentials come from one source)' : '';
    const from = value ? `from ${source.name}` : 'not set';
    notes.push(`${name}: ${from}, not from ${others.map((other) => other.name).join(' or ')}${set}`);
  }
  return { environment, notes };
}

const firstWith = (sources: readonly SettingSource[], name: string): SettingSource | undefined =>
  sources.find(({ values }) => values[name]);

const hasCredential = ({ values }: SettingSource): boolean => CREDENTIALS.some((name) => values[name]);
