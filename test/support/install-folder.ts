import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

export type Command = readonly string[];

/** What a folder of somebody else's software needs. */
export interface Needs {
  /** Commands of the machine that must end with 0. */
  readonly tools: readonly Command[];
  /** Run in the copy of the folder. */
  readonly install: readonly Command[];
}

/** Whether a machine can run it: the folder to run it in, or why not. */
export type Readiness = { readonly folder: string } | { readonly skipped: string };

const TOOL_TIMEOUT_MS = 60_000;
const INSTALL_TIMEOUT_MS = 15 * 60_000;
const run = promisify(execFile);

/** Copies a folder beside the repository's files and installs it there, once for each state of it. */
export async function installFolder(folder: string, installed: string, { tools, install }: Needs): Promise<Readiness> {
  const missing = await missingTool(tools);
  if (missing) return missing;
  if (await isInstalled(folder, installed)) return { folder: installed };
  await mkdir(installed, { recursive: true });
  await writeFile(join(installed, '..', '.gitignore'), '*\n');
  await cp(folder, installed, { recursive: true });
  const options = { cwd: installed, timeout: INSTALL_TIMEOUT_MS, maxBuffer: 64 * 1024 * 1024 };
  const fault = await firstFault(install, options);
  if (fault) return fault;
  await writeFile(join(installed, '.installed'), await digestOf(folder));
  return { folder: installed };
}

/** Whether a folder is installed as it now is. */
export const isInstalled = async (folder: string, installed: string): Promise<boolean> =>
  (await readFile(join(installed, '.installed'), 'utf8').catch(() => '')) === (await digestOf(folder));

/** The first tool that the machine lacks. */
export const missingTool = (tools: readonly Command[]): Promise<{ readonly skipped: string } | undefined> =>
  firstFault(tools, { timeout: TOOL_TIMEOUT_MS });

/** Runs commands until one fails, and says which. */
async function firstFault(commands: readonly Command[], options: object): Promise<{ skipped: string } | undefined> {
  for (const [tool = '', ...args] of commands) {
    try {
      await run(tool, args, options);
    } catch (error) {
      return { skipped: `${[tool, ...args].join(' ')}: ${lastWords(error)}` };
    }
  }
  return undefined;
}

/** A digest of a folder's files: their names and bytes. */
async function digestOf(folder: string): Promise<string> {
  const hash = createHash('sha256');
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.sort()) hash.update(`${file.slice(folder.length)}\n`).update(await readFile(file));
  return hash.digest('hex');
}

/** The end of what a command that failed had to say. */
function lastWords(error: unknown): string {
  const { code, stderr = '' } = error as { code?: string | number; stderr?: string };
  if (code === 'ENOENT') return 'not on this machine';
  return stderr.trim().split('\n').slice(-3).join(' ').slice(-300) || `ended with ${code ?? 'a signal'}`;
}
