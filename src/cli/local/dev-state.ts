import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The tenant that the first start creates, so that the developer has a key to call with. */
export interface DemoTenant {
  readonly tenantId: string;
  readonly apiKey: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** The state that `postern dev` keeps between starts, in a file that only the owner can read. It holds local secrets. */
export interface DevState {
  readonly rootKeys: string;
  readonly adminToken: string;
  /** The gateway signs with these credentials, and the local Lambda checks them. */
  readonly lambda: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly demo?: DemoTenant;
}

const fileOf = (dir: string) => join(dir, 'state.json');

/** Reads the state in a folder. If the folder has no state, creates and saves a new state. */
export async function openState(dir: string): Promise<DevState> {
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw isCode(error, 'EEXIST', 'ENOTDIR') ? new Error(`--state ${dir} is not a folder`) : error;
  }
  let text: string;
  try {
    text = await readFile(fileOf(dir), 'utf8');
  } catch (error) {
    if (!isCode(error, 'ENOENT')) throw error;
    const made: DevState = {
      rootKeys: `1:${randomBytes(32).toString('base64')}`,
      adminToken: randomBytes(32).toString('hex'),
      lambda: {
        accessKeyId: `AKIA${randomBytes(8).toString('hex').toUpperCase()}`,
        secretAccessKey: randomBytes(30).toString('base64'),
      },
    };
    await saveState(dir, made);
    return made;
  }
  const state = parse(text);
  if (!state) throw new Error(`${fileOf(dir)} is damaged; delete ${dir} to start afresh`);
  return state;
}

function parse(text: string): DevState | undefined {
  try {
    const state = JSON.parse(text) as Partial<DevState> | null;
    const { rootKeys, adminToken, lambda } = state ?? {};
    const parts = [rootKeys, adminToken, lambda?.accessKeyId, lambda?.secretAccessKey];
    return parts.every((part) => typeof part === 'string') ? (state as DevState) : undefined;
  } catch {
    return undefined;
  }
}

const isCode = (error: unknown, ...codes: string[]): boolean =>
  codes.includes((error as NodeJS.ErrnoException).code ?? '');

/** Writes the state atomically. */
export async function saveState(dir: string, state: DevState): Promise<void> {
  const temporary = `${fileOf(dir)}.${process.pid}`;
  await writeFile(temporary, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  await rename(temporary, fileOf(dir));
}
