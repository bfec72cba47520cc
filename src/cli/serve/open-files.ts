import { readFile } from 'node:fs/promises';

/** Descriptors that workerd needs before the first connection, rounded up. */
const OWN_FILES = 40;
/** Descriptors per connection and per awake tenant, measured with workerd 1.20261023.1. */
const FILES_PER_CONNECTION = 2;
const FILES_PER_AWAKE_TENANT = 3;
/** The start warns if the limit is below this value, which is enough for about 2,000 connections. */
export const FEW_OPEN_FILES = 4_096;

/** Returns the maximum number of files that a process may have open. Undefined if the system does not report the limit. */
export async function readOpenFileLimit(pid: number): Promise<number | undefined> {
  const limits = await readFile(`/proc/${pid}/limits`, 'utf8').catch(() => '');
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? undefined : Number(soft);
}

/** Describes the load that a limit on open files allows. If workerd reaches the limit, it ends and is restarted. */
export function describeOpenFiles(limit: number): string {
  const free = Math.max(0, limit - OWN_FILES);
  const show = (count: number) => Math.floor(count).toLocaleString('en-US');
  const allows =
    `workerd can open ${show(limit)} files: enough for about ${show(free / FILES_PER_CONNECTION)} connections ` +
    `(${FILES_PER_CONNECTION} each) or ${show(free / FILES_PER_AWAKE_TENANT)} awake tenants (${FILES_PER_AWAKE_TENANT} each).`;
  if (limit >= FEW_OPEN_FILES) return allows;
  return `${allows} That is low: raise the hard limit (systemd: LimitNOFILE=65536), and limit connections in a proxy.`;
}
