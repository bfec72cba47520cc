import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Case, Need } from '../../src/cli/conformance/case.ts';
import { type Command, installFolder, missingTool, type Needs, type Readiness } from '../support/install-folder.ts';

/** A fault of the client's own, which the table shows as such: the cases fail, and in this way. */
export interface ClientFault {
  readonly cases: readonly string[];
  readonly reason: string;
  /** A part of what the comparison then says. */
  readonly sees: string;
}

/** What a client's `client.json` says of it (README.md). */
interface Manifest extends Needs {
  readonly title: string;
  /** The folder of `clients/` whose files it runs; its own when absent. */
  readonly program?: string;
  /** It runs in its own folder, from the repository's packages. */
  readonly inPlace?: boolean;
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

const CLIENTS = resolve(import.meta.dirname, 'clients');
const CACHE = resolve(import.meta.dirname, '../../.conformance');

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
