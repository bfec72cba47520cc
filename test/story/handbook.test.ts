import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHECKED } from '../support/cli.ts';
import { pages, shellBlocks } from '../support/handbook.ts';
import { admin } from '../support/postern.ts';
import { usePostern } from '../support/use-postern.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const postern = usePostern();
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postern-handbook-'));
  const command = join(folder, 'postern');
  const node = [process.execPath, ...CHECKED, join(ROOT, 'src/cli/start.js')].map((word) => `'${word}'`).join(' ');
  await writeFile(command, `#!/bin/sh\nexec ${node} "$@"\n`);
  await chmod(command, 0o755);
  // As readers type it, but a refusal fails.
  const curl = join(folder, 'curl');
  await writeFile(curl, `#!/bin/sh\nPATH='${process.env.PATH}' exec curl --fail-with-body "$@"\n`);
  await chmod(curl, 0o755);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs lines as a reader would paste them, in a folder of their own; the first that fails ends them. */
async function runLines(lines: string): Promise<{ code: number | null; output: string }> {
  const child = spawn('bash', ['-euo', 'pipefail', '-c', lines], {
    cwd: folder,
    env: {
      PATH: `${folder}:${process.env.PATH}`,
      HOME: folder,
      POSTERN_URL: postern.gateway,
      POSTERN_ADMIN_TOKEN: postern.adminToken,
      POSTERN_API_KEY: postern.demo.apiKey,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, error, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code, output: out + error };
}

/** A page starts with the demo tenant alone: pages may use the same names. */
async function removeTenants(): Promise<void> {
  const { body } = await admin<{ tenants: { id: string }[] }>(postern, 'GET', '/tenants');
  for (const { id } of body.tenants) {
    if (id !== postern.demo.tenantId) await admin(postern, 'DELETE', `/tenants/${id}`);
  }
}

describe.each(pages(ROOT).filter((page) => shellBlocks([page]).length > 0))('the shell blocks of $path', (page) => {
  beforeAll(removeTenants);

  // In the order of the page: a block may use what one before it made.
  it.each(shellBlocks([page]).map(({ line, text }) => [line, text] as const))('line %i runs', async (_, lines) => {
    const { code, output } = await runLines(lines);
    expect([code, output]).toEqual([0, output]);
  });
});
