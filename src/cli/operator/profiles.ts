import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { toFieldFaults } from '../../document/field-faults.ts';
import { usageError } from '../terminal/exit.ts';

const Profile = z.strictObject({ url: z.string(), adminToken: z.string().optional() });
const ProfileFile = z.strictObject({ profiles: z.record(z.string(), Profile), default: z.string().optional() });

/** A named gateway: its address and its admin token. */
export type Profile = z.output<typeof Profile>;

/** The profiles saved on this machine. */
export interface Profiles extends z.output<typeof ProfileFile> {
  readonly file: string;
}

/** The path of the profiles file. */
export const profileFile = (env: NodeJS.ProcessEnv): string =>
  env.POSTERN_CONFIG || join(env.HOME || homedir(), '.config/postern/config.json');

/** Reads the profiles. Returns none if there is no file. Errors never quote the file, because it holds tokens. */
export async function readProfiles(env: NodeJS.ProcessEnv): Promise<Profiles> {
  const file = profileFile(env);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { file, profiles: {} };
    throw usageError(`${file} cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
  const read = ProfileFile.safeParse(parseJson(file, text));
  if (!read.success) {
    const [fault] = toFieldFaults(read.error.issues);
    throw notProfiles(file, `${fault?.pointer}: ${fault?.detail}`);
  }
  if (process.platform !== 'win32' && ((await stat(file)).mode & 0o077) !== 0 && holdsToken(read.data)) {
    console.error(`postern: others on this machine can read the tokens in ${file}; fix it with: chmod 600 ${file}`);
  }
  return { file, ...read.data };
}

const holdsToken = ({ profiles }: z.output<typeof ProfileFile>): boolean =>
  Object.values(profiles).some(({ adminToken }) => adminToken !== undefined);

const notProfiles = (file: string, why: string): Error =>
  usageError(
    `${file} must be {"profiles": {"NAME": {"url": "https://...", "adminToken": "..."}}, "default": "NAME"}; ${why}`,
  );

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The message of the JSON error would quote the text.
    throw notProfiles(file, 'it is not JSON');
  }
}
