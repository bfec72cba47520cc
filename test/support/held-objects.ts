import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { type Cluster, startCluster } from './cluster.ts';

/** A gateway whose tenants' objects answer only when the test lets them. */
export interface HeldObjects extends Cluster {
  readonly gateway: string;
  /** From now on the object of this tenant does not answer. */
  hold(tenantId: string): void;
  /** Lets it answer, also what it was asked meanwhile. */
  release(tenantId: string): void;
  /** How often a gateway has asked it. */
  asked(tenantId: string): number;
  /** Lines of the call log. */
  callLines(tenantId: string): readonly Readonly<Record<string, unknown>>[];
}

export async function startHeldObjects(): Promise<HeldObjects> {
  const questions = new Map<string, number>();
  const held = new Map<string, ServerResponse[]>();
  const server = createServer(({ url = '' }, response) => {
    const id = url.slice(1);
    questions.set(id, (questions.get(id) ?? 0) + 1);
    const waiting = held.get(id);
    if (waiting) waiting.push(response);
    else response.end();
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const HOLD_URL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const worker = resolve(import.meta.dirname, 'held-objects-worker.ts');
  const cluster = await startCluster(1, { worker, objectSettings: { HOLD_URL } });
  return {
    ...cluster,
    gateway: cluster.gateways[0] ?? '',
    hold: (id) => void held.set(id, []),
    release(id) {
      for (const response of held.get(id) ?? []) response.end();
      held.delete(id);
    },
    asked: (id) => questions.get(id) ?? 0,
    callLines: (id) =>
      cluster
        .log()
        .split('\n')
        .filter((line) => line.includes(id) && line.includes('"requestId"'))
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    async stop() {
      server.closeAllConnections();
      server.close();
      await cluster.stop();
    },
  };
}
