import { createHash, randomBytes } from 'node:crypto';

/** Builds a call's X-Ray header: the caller's root and sampling decision if sent, a new parent and a lineage (recorded). */
export function traceIdOf(given: string | undefined, functionArn: string, nowMs: number): string {
  const root = /(?:^|;)\s*Root=(1-[0-9a-f]{8}-[0-9a-f]{24})/i.exec(given ?? '')?.[1];
  const sampled = /(?:^|;)\s*Sampled=([01])/i.exec(given ?? '')?.[1] ?? '0';
  const seconds = Math.floor(nowMs / 1000)
    .toString(16)
    .padStart(8, '0');
  const lineage = createHash('sha256').update(functionArn).digest('hex').slice(0, 8);
  const parts = [
    `Root=${root ?? `1-${seconds}-${randomBytes(12).toString('hex')}`}`,
    `Parent=${randomBytes(8).toString('hex')}`,
    `Sampled=${sampled}`,
    `Lineage=1:${lineage}:0`,
  ];
  return parts.join(';');
}
