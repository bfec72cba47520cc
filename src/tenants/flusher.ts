import type { WaitUntil } from '../edge/wait-until.ts';
import type { LeaseClient } from './lease-client.ts';

/** The platform keeps promises under `waitUntil` alive for 30 s (Workers limits). A flusher stops before that. */
const LIFE_MS = 20_000;
/** Until it tries again, after a failure. */
const RETRY_MS = 1_000;

/** A call that may have to flush, after its answer. */
export interface FlushingCall {
  readonly waitUntil: WaitUntil;
  /** Sends what is owed. Resolves when that has succeeded or failed. */
  flush(): Promise<unknown>;
}

interface WakeUp {
  readonly atMs: number;
}

/** Writes to the object what this isolate owes it, when it is due and no call asks for anything. */
export class Flusher {
  private readonly client: LeaseClient;
  private readonly now: () => number;
  /** When the next one wakes up, to flush for all calls of the tenant. */
  private next: WakeUp | undefined;

  constructor(client: LeaseClient, now: () => number) {
    this.client = client;
    this.now = now;
  }

  /** Has a call flush what is owed when it is due, unless another call is to do so by then. */
  schedule(call: FlushingCall): void {
    const untilMs = this.now() + LIFE_MS;
    const wakeUp = this.plan(untilMs);
    if (wakeUp) call.waitUntil(this.run(wakeUp, call, untilMs));
  }

  private plan(untilMs: number): WakeUp | undefined {
    const { client, next } = this;
    const { dueAtMs } = client;
    if (dueAtMs === Number.POSITIVE_INFINITY) return undefined;
    const nowMs = this.now();
    if (nowMs >= untilMs) return undefined;
    const atMs = Math.max(dueAtMs, client.failingForMs === undefined ? nowMs : nowMs + RETRY_MS);
    // One that has not woken up in time is gone with its call.
    if (next && next.atMs <= atMs && nowMs < next.atMs + RETRY_MS) return undefined;
    this.next = { atMs };
    return this.next;
  }

  private async run(first: WakeUp, call: FlushingCall, untilMs: number): Promise<void> {
    const { client, now } = this;
    for (let mine: WakeUp | undefined = first; mine; mine = this.plan(untilMs)) {
      await sleep(Math.max(0, mine.atMs - now()));
      await client.waitForResponse();
      if (this.next !== mine) return; // another one is sooner
      this.next = undefined;
      const { dueAtMs } = client;
      if (dueAtMs === Number.POSITIVE_INFINITY) return;
      const isDue = dueAtMs <= now() || now() >= untilMs;
      if (isDue && !client.isBusy) await call.flush();
    }
  }
}

const sleep = (ms: number) => new Promise<void>((woken) => setTimeout(woken, ms));
