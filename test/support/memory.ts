import { readFileSync } from 'node:fs';

/** The processes that a process has started; Linux only. */
export const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(/\s+/).filter(Boolean).map(Number);

/** Resident memory of workerd, in bytes: the biggest of the workerd processes below a process. */
export function workerdMemory(pid: number): number {
  return Math.max(
    0,
    ...childrenOf(pid).map((child) => {
      const status = readFileSync(`/proc/${child}/status`, 'utf8');
      const kib = status.includes('workerd') ? /VmRSS:\s+(\d+) kB/.exec(status)?.[1] : undefined;
      return Math.max(Number(kib ?? 0) * 1024, workerdMemory(child));
    }),
  );
}
