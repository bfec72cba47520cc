import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';

const VERSION = '4.32.5';
const VENV = resolve(import.meta.dirname, '../../../.fuzz/schemathesis');

/** Runs a command to its end. @returns its exit code, and all that it wrote. */
export async function run(
  command: string,
  args: readonly string[],
  cwd?: string,
): Promise<{ code: number | null; output: string }> {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const code = await new Promise<number | null>((done, failed) => child.once('error', failed).once('close', done));
  return { code, output };
}

/** Installs schemathesis into `.fuzz/schemathesis`, once. @returns its command. @throws what pip said. */
export async function installSchemathesis(): Promise<string> {
  const bin = join(VENV, 'bin');
  const found = existsSync(join(bin, 'st')) ? await run(join(bin, 'st'), ['--version']) : undefined;
  if (found?.output.includes(VERSION)) return join(bin, 'st');
  await mkdir(VENV, { recursive: true });
  for (const [command, args] of [
    ['python3', ['-m', 'venv', VENV]],
    [join(bin, 'pip'), ['install', '--quiet', '--disable-pip-version-check', `schemathesis==${VERSION}`]],
  ] as const) {
    const { code, output } = await run(command, args);
    if (code !== 0) throw new Error(`schemathesis cannot be installed: ${command} ${args.join(' ')}\n${output}`);
  }
  return join(bin, 'st');
}
