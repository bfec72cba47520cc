import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

type Command = readonly string[];

/** What a client's `client.json` says of it (README.md). */
interface Manifest {
  readonly title: string;
  /** It runs in its own folder, from the repository's packages. */
  readonly inPlace?: boolean;
  /** Commands of the machine that must end with 0. */
  readonly tools: readonly Command[];
  readonly install: readonly Command[];
  readonly run: Command;
}

/** A client of this folder. */
export interface Client extends Manifest {
  readonly name: string;
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
      const folder = join(CLIENTS, name);
      return { name, folder, ...(JSON.parse(await readFile(join(folder, 'client.json'), 'utf8')) as Manifest) };
    }),
  );
}

/** Finds a client's tools and installs what it needs, once for each state of its folder. */
export async function prepare({ name, folder, inPlace, tools, install }: Client): Promise<Readiness> {
  for (const [tool = '', ...args] of tools) {
    try {
      await run(tool, args, { timeout: TOOL_TIMEOUT_MS });
    } catch (error) {
      return { skipped: `${[tool, ...args].join(' ')}: ${lastWords(error)}` };
    }
  }
  if (inPlace) return { folder };
  const cached = join(CACHE, name);
  const digest = await digestOf(folder);
  if ((await readFile(join(cached, '.installed'), 'utf8').catch(() => '')) === digest) return { folder: cached };
  await mkdir(cached, { recursive: true });
  await writeFile(join(CACHE, '.gitignore'), '*\n');
  await cp(folder, cached, { recursive: true });
  for (const [tool = '', ...args] of install) {
    try {
      await run(tool, args, { cwd: cached, timeout: INSTALL_TIMEOUT_MS, maxBuffer: 64 * 1024 * 1024 });
    } catch (error) {
      return { skipped: `${[tool, ...args].join(' ')}: ${lastWords(error)}` };
    }
  }
  await writeFile(join(cached, '.installed'), digest);
  return { folder: cached };
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
