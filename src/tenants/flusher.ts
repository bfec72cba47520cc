import type { WaitUntil } from '../edge/wait-until.ts';
import type { LeaseClient } from './lease-client.ts';

/**
 * Milliseconds for which a flusher works for one call. The platform keeps `waitUntil` promises alive for 30 s (Workers
 * limits).
 */
const LIFE_MS = 20_000;
/** Milliseconds until a flusher retries after a failure. */
const RETRY_MS = 1_000;

/** A call that may have to flush after its answer. */
export interface FlushingCall {
  readonly waitUntil: WaitUntil;
  /** Sends the isolate's report. Resolves after the report has succeeded or failed. */
  flush(): Promise<unknown>;
}

interface WakeUp {
  readonly atMs: number;
}

/** Sends this isolate's report to the object when the report is due, even if no call needs the object. */
export class Flusher {
  private readonly client: LeaseClient;
  private readonly now: () => number;
  /** The next wake-up, which flushes for all calls of the tenant. */
  private next: WakeUp | undefined;

  constructor(client: LeaseClient, now: () => number) {
    this.client = client;
    this.now = now;
  }

  /** Makes a call flush when the report is due, unless another call is scheduled to flush by then. */
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
    // An overdue wake-up was lost when its call ended, so it no longer counts.
    if (next && next.atMs <= atMs && nowMs < next.atMs + RETRY_MS) return undefined;
    this.next = { atMs };
    return this.next;
  }

  private async run(first: WakeUp, call: FlushingCall, untilMs: number): Promise<void> {
    const { client, now } = this;
    for (let mine: WakeUp | undefined = first; mine; mine = this.plan(untilMs)) {
      await sleep(Math.max(0, mine.atMs - now()));
      await client.waitForResponse();
      if (this.next !== mine) return; // another wake-up has replaced this wake-up
      this.next = undefined;
      const { dueAtMs } = client;
      if (dueAtMs === Number.POSITIVE_INFINITY) return;
      const isDue = dueAtMs <= now() || now() >= untilMs;
      if (isDue && !client.isBusy) await call.flush();
    }
  }
}

const sleep = (ms: number) => new Promise<void>((woken) => setTimeout(woken, ms));
