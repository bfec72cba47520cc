import { readFileSync } from 'node:fs';

/** Resident memory of workerd, in bytes: the biggest of the workerd processes below a process. */
export function workerdMemory(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(/\s+/).filter(Boolean);
  return Math.max(
    0,
    ...children.map((child) => {
      const status = readFileSync(`/proc/${child}/status`, 'utf8');
      const kib = status.includes('workerd') ? /VmRSS:\s+(\d+) kB/.exec(status)?.[1] : undefined;
      return Math.max(Number(kib ?? 0) * 1024, workerdMemory(Number(child)));
    }),
  );
}
