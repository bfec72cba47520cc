import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Case, Need } from '../../src/cli/conformance/case.ts';

type Command = readonly string[];

/** A fault of the client's own, which the table shows as such: the cases fail, and in this way. */
export interface ClientFault {
  readonly cases: readonly string[];
  readonly reason: string;
  /** A part of what the comparison then says. */
  readonly sees: string;
}

/** What a client's `client.json` says of it (README.md). */
interface Manifest {
  readonly title: string;
  /** The folder of `clients/` whose files it runs; its own when absent. */
  readonly program?: string;
  /** It runs in its own folder, from the repository's packages. */
  readonly inPlace?: boolean;
  /** Commands of the machine that must end with 0. */
  readonly tools: readonly Command[];
  readonly install: readonly Command[];
  readonly run: Command;
  /** What it cannot do, and why: the cases that need it are not sent to it. */
  readonly lacks?: Partial<Record<Need, string>>;
  readonly faults?: readonly ClientFault[];
}

/** A client of this folder. */
export interface Client extends Manifest {
  readonly name: string;
  /** Where its program is. */
  readonly folder: string;
}

/** Whether a machine can run a client: the folder to run it in, or why not. */
export type Readiness = { readonly folder: string } | { readonly skipped: string };

const CLIENTS = resolve(import.meta.dirname, 'clients');
const CACHE = resolve(import.meta.dirname, '../../.conformance');
const TOOL_TIMEOUT_MS = 60_000;
const INSTALL_TIMEOUT_MS = 15 * 60_000;
const run = promisify(execFile);

/** Every folder with a `client.json`, the repository's own SDK first. */
export async function listClients(): Promise<Client[]> {
  const folders = (await readdir(CLIENTS)).filter((name) => existsSync(join(CLIENTS, name, 'client.json')));
  const names = folders.sort((a, b) => Number(b === 'js-v3') - Number(a === 'js-v3') || (a < b ? -1 : 1));
  return Promise.all(
    names.map(async (name) => {
      const manifest = JSON.parse(await readFile(join(CLIENTS, name, 'client.json'), 'utf8')) as Manifest;
      return { name, folder: join(CLIENTS, manifest.program ?? name), ...manifest };
    }),
  );
}

/** Why a client cannot run a case, by its `client.json`; undefined when it can. */
export const lackOf = ({ lacks = {} }: Pick<Client, 'lacks'>, { needs = [] }: Case): string | undefined =>
  needs.map((need) => lacks[need]).find((why) => why !== undefined);

/** Finds a client's tools and installs what it needs. */
export async function prepare({ program, name, folder, inPlace, tools, install }: Client): Promise<Readiness> {
  if (inPlace) return (await missingTool(tools)) ?? { folder };
  return installFolder(folder, join(CACHE, program ?? name), { tools, install });
}

/** Copies a folder beside the repository's files and installs it there, once for each state of it. */
export async function installFolder(
  folder: string,
  cached: string,
  { tools, install }: Pick<Manifest, 'tools' | 'install'>,
): Promise<Readiness> {
  const missing = await missingTool(tools);
  if (missing) return missing;
  if (await isInstalled(folder, cached)) return { folder: cached };
  await mkdir(cached, { recursive: true });
  await writeFile(join(cached, '..', '.gitignore'), '*\n');
  await cp(folder, cached, { recursive: true });
  const fault = await firstFault(install, { cwd: cached, timeout: INSTALL_TIMEOUT_MS, maxBuffer: 64 * 1024 * 1024 });
  if (fault) return fault;
  await writeFile(join(cached, '.installed'), await digestOf(folder));
  return { folder: cached };
}

/** Whether a folder is installed as it now is. */
export const isInstalled = async (folder: string, cached: string): Promise<boolean> =>
  (await readFile(join(cached, '.installed'), 'utf8').catch(() => '')) === (await digestOf(folder));

const missingTool = (tools: readonly Command[]) => firstFault(tools, { timeout: TOOL_TIMEOUT_MS });

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
