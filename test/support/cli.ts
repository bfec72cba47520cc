import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';

const CLI = resolve(import.meta.dirname, '../../src/cli/postern.ts');

/** The exit code of a command that was answered what the OpenAPI document does not describe. No command ends with it. */
export const UNDESCRIBED = 99;

/** Node's arguments for a command under test: it holds the admin API's answers to their document. */
export const CHECKED = ['--import', resolve(import.meta.dirname, 'check-answers-preload.ts')] as const;

/** How a command ended, and what it wrote. */
export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  /** Its whole environment beside PATH: no setting of this machine reaches it. */
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
}

/** Runs the real command to its end, off a terminal, in a home without profiles. */
export async function runCli(args: readonly string[], { env = {}, stdin = '' }: CliOptions = {}): Promise<CliResult> {
  const home = resolve(tmpdir(), 'postern-no-home');
  const child = spawn(process.execPath, [...CHECKED, CLI, ...args], {
    env: { PATH: process.env.PATH ?? '', HOME: home, ...env },
  });
  // One that reads no input may have ended already.
  child.stdin.on('error', () => {}).end(stdin);
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  if (code === UNDESCRIBED) throw new Error(stderr);
  return { code, stdout, stderr };
}
