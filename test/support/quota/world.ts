import { PERIODS, type Period, windowEnd, windowStart } from '../../../src/core/quota/calendar.ts';
import {
  abandonRequest,
  admit,
  applyResponse,
  buildRequest,
  cancelCall,
  chargeRate,
  countArrival,
  endCall,
  giveBack,
  loseCall,
  nextFlushAtMs,
  type Purpose,
  recordUsage,
  type Ticket,
  takeBackCall,
  wantsRenewal,
} from '../../../src/core/quota/lease.ts';
import { createLeaseHolder, fieldsOf, type LeaseHolder } from '../../../src/core/quota/lease-holder.ts';
import type { LeaseRequest, LeaseResponse } from '../../../src/core/quota/lease-protocol.ts';
import { advanceLedger, answerRequest } from '../../../src/core/quota/ledger.ts';
import {
  createLedger,
  type HolderState,
  type LedgerState,
  restoreLedger,
  type StoredLedger,
} from '../../../src/core/quota/ledger-state.ts';
import {
  LEASE_MS,
  LEASE_SHARE,
  type LimitsDocument,
  LOST_HOLD_MS,
  type Quota,
  quotasOf,
  WAITING_SHARE,
} from '../../../src/core/quota/limits.ts';
import {
  abandonSubLedgerRequest,
  applySubLedgerResponse,
  askSubLedger,
  buildSubLedgerRequest,
  createSubLedger,
  subLedgerDueAt,
} from './sub-ledger.ts';

/** What the world plays by. A test of the test hands in a broken rule. */
export const RULES = {
  createLedger,
  answerRequest,
  advanceLedger,
  restoreLedger,
  createLeaseHolder,
  countArrival,
  admit,
  endCall,
  loseCall,
  takeBackCall,
  cancelCall,
  chargeRate,
  giveBack,
  recordUsage,
  wantsRenewal,
  buildRequest,
  applyResponse,
  abandonRequest,
  nextFlushAtMs,
  askSubLedger,
  buildSubLedgerRequest,
  /** What an isolate does when a caller leaves before its function's end is seen: nothing. */
  callerLeft: (_book: LeaseHolder, _limits: LimitsDocument, _ticket: Ticket, _nowMs: number): void => {},
};
export type Rules = typeof RULES;

/** How messages travel. Shares are between 0 and 1; times are whole milliseconds. */
export interface Network {
  readonly minMs: number;
  readonly maxMs: number;
  /** A share of the messages takes up to `slowMs` longer. */
  readonly slow: number;
  readonly slowMs: number;
  readonly lost: number;
  /** A share of the messages comes twice, the second time up to `slowMs` later. */
  readonly repeated: number;
}

export const GOOD_NETWORK: Network = { minMs: 5, maxMs: 20, slow: 0, slowMs: 0, lost: 0, repeated: 0 };

/** A call that comes to an isolate, and what becomes of it if it is forwarded. */
export interface Call {
  readonly bytes: number;
  readonly durationMs: number;
  /**
   * `left`: its end is not seen. `throttled`: Lambda turns it away after `durationMs`, and no function runs. `lost`: the
   * connection breaks half-way, before any answer, and the function runs on. `unstarted`: the same, but it is certain
   * that no function runs. `mistaken`: it is refused when it has been admitted; `mistaken-early`: without being admitted,
   * for a unit of the rate.
   */
  readonly fate: 'seen' | 'left' | 'throttled' | 'lost' | 'unstarted' | 'mistaken' | 'mistaken-early';
  /** It was answered, one way or the other. */
  readonly done?: (forwarded: boolean) => void;
}

/** What one isolate knows of one tenant, and what it is up to. */
export interface Place {
  readonly holder: LeaseHolder;
  readonly ledger: LedgerNode;
  /** How far the isolate's clock is off. */
  readonly skewMs: number;
  alive: boolean;
  waiting: { call: Call; untilMs: number }[];
  timerAtMs: number | undefined;
  retryAtMs: number;
  lastActivityMs: number;
  /** No message passes until then. */
  cutOffUntilMs: number;
}

/** What is seen from outside, by true time. */
export interface Seen {
  /** Calls sent to Lambda, and those of them that Lambda turned away. */
  forwarded: number;
  throttled: number;
  refused: number;
  /** Calls that waited for the ledger in vain. */
  gaveUp: number;
  /** Asks that reached the ledger. */
  ledgerCalls: number;
  /** The most that ran at once. */
  running: number;
  mostRunning: number;
  /** What the ledger was told of forwarded calls, and of those that were throttled. */
  countedForwarded: number;
  countedThrottled: number;
  writtenOff: number;
  /** Throttled calls that isolates had not given back when they died. */
  notGivenBack: number;
  /** Forwarded and not throttled, in the current window of each period. */
  readonly windows: Record<Period, { startMs: number; endMs: number; calls: number; bytes: number }>;
  /** A leaky bucket that holds every forwarded call: the most that any interval held beyond `rate` x T. */
  leaky: number;
  leakyAtMs: number;
  mostLeaky: number;
  /** What was promised and not kept. */
  readonly broken: string[];
}

/** Receives asks: a tenant's ledger, or a substitute for it. */
export interface LedgerNode {
  readonly limits: LimitsDocument;
  readonly quotas: readonly Quota[];
  readonly seen: Seen;
  readonly state: LedgerState;
  receive(ask: LeaseRequest, reply: (answer: LeaseResponse) => void): void;
  restart(): void;
}

export interface World {
  readonly rules: Rules;
  network: Network;
  nowMs(): number;
  random(): number;
  at(ms: number, run: () => void): void;
  /** Lets everything happen up to a moment. */
  runUntil(ms: number): void;
  addLedger(limits: LimitsDocument): LedgerNode;
  /** The substitute for a ledger that the isolates of a region see. */
  addSubLedger(ledger: LedgerNode, skewMs?: number): LedgerNode;
  addPlace(ledger: LedgerNode, skewMs?: number): Place;
  /** Sends a message over the network, which copies it. */
  send<T>(message: T, deliver: (message: T) => void, cutOffUntilMs?: number): void;
  call(place: Place, call: Call): void;
  kill(place: Place): void;
}

/** An ask that is not answered within this is lost. */
export const ASK_TIMEOUT_MS = 2_000;
const SUB_LEDGER_ASKS_EVERY_MS = 250;
const GIVE_UP_MS = 5_000;
const RETRY_SETTLE_MS = 1_000;
const KEEP_SETTLING_MS = 30_000;

/** A small generator of numbers that look random, from a seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

interface Happening {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** What is to happen, soonest first; of one moment, in the order in which it was put there. */
function createAgenda() {
  const heap: Happening[] = [];
  const before = (a: Happening, b: Happening) => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
  let order = 0;
  return {
    nextAtMs: () => heap[0]?.atMs ?? Number.POSITIVE_INFINITY,
    put(atMs: number, run: () => void): void {
      order += 1;
      const item = { atMs, order, run };
      let index = heap.length;
      heap.push(item);
      while (index > 0) {
        const parent = (index - 1) >> 1;
        const above = heap[parent] as Happening;
        if (!before(item, above)) break;
        heap[index] = above;
        index = parent;
      }
      heap[index] = item;
    },
    take(): Happening {
      const first = heap[0] as Happening;
      const last = heap.pop() as Happening;
      if (heap.length === 0) return first;
      let index = 0;
      for (;;) {
        let child = 2 * index + 1;
        if (child >= heap.length) break;
        if (child + 1 < heap.length && before(heap[child + 1] as Happening, heap[child] as Happening)) child += 1;
        const below = heap[child] as Happening;
        if (!before(below, last)) break;
        heap[index] = below;
        index = child;
      }
      heap[index] = last;
      return first;
    },
  };
}

export interface WorldOptions {
  readonly seed: number;
  readonly startMs: number;
  readonly network?: Network;
  readonly rules?: Partial<Rules>;
  /** Messages are cloned and ledgers are stored, as in life; false: for speed, they are not. */
  readonly cloned?: boolean;
}

/** A world of isolates and ledgers in which everything that can go wrong does, the same way each time. */
export function createWorld({
  seed,
  startMs,
  network = GOOD_NETWORK,
  rules: broken,
  cloned = true,
}: WorldOptions): World {
  const rules: Rules = { ...RULES, ...broken };
  const random = seededRandom(seed);
  const agenda = createAgenda();
  let now = startMs;
  let places = 0;
  const copy = <T>(value: T): T => (cloned ? structuredClone(value) : value);

  const world: World = {
    rules,
    network,
    nowMs: () => now,
    random,
    at: (ms, run) => agenda.put(Math.max(now, ms), run),
    runUntil(ms) {
      while (agenda.nextAtMs() <= ms) {
        const next = agenda.take();
        now = next.atMs;
        next.run();
      }
      now = ms;
    },
    addLedger: (limits) => createLedgerNode(world, limits, cloned),
    addSubLedger(ledger, skewMs = 0) {
      places += 1;
      return createSubLedgerNode(world, ledger, `region-${places}`, skewMs);
    },
    addPlace(ledger, skewMs = 0) {
      places += 1;
      return {
        holder: rules.createLeaseHolder(`isolate-${places}`, now + skewMs),
        ledger,
        skewMs,
        alive: true,
        waiting: [],
        timerAtMs: undefined,
        retryAtMs: 0,
        lastActivityMs: now,
        cutOffUntilMs: 0,
      };
    },
    send(message, deliver, cutOffUntilMs = 0) {
      const { minMs, maxMs, slow, slowMs, lost, repeated } = world.network;
      const sent = copy(message);
      const copies = repeated > 0 && random() < repeated ? 2 : 1;
      for (let index = 0; index < copies; index += 1) {
        if (now < cutOffUntilMs || (lost > 0 && random() < lost)) continue;
        const late = index > 0 || (slow > 0 && random() < slow) ? Math.floor(random() * (slowMs + 1)) : 0;
        const delayMs = minMs + Math.floor(random() * (maxMs - minMs + 1)) + late;
        agenda.put(now + delayMs, () => deliver(copies > 1 ? copy(sent) : sent));
      }
    },
    call: (place, call) => callPlace(world, place, call),
    kill(place) {
      place.alive = false;
      const { corrections, batches } = fieldsOf(place.holder);
      for (const { calls } of [...corrections, ...batches.flatMap((batch) => batch.corrections)]) {
        if (calls < 0) place.ledger.seen.notGivenBack -= calls;
      }
    },
  };
  return world;
}

function createSeen(nowMs: number): Seen {
  const window = (period: Period) => ({
    startMs: windowStart(period, nowMs),
    endMs: windowEnd(period, nowMs),
    calls: 0,
    bytes: 0,
  });
  return {
    forwarded: 0,
    throttled: 0,
    refused: 0,
    gaveUp: 0,
    ledgerCalls: 0,
    running: 0,
    mostRunning: 0,
    countedForwarded: 0,
    countedThrottled: 0,
    writtenOff: 0,
    notGivenBack: 0,
    windows: { day: window('day'), week: window('week'), month: window('month') },
    leaky: 0,
    leakyAtMs: nowMs,
    mostLeaky: 0,
    broken: [],
  };
}

function createLedgerNode(world: World, limits: LimitsDocument, stored: boolean): LedgerNode {
  const { rules } = world;
  const seen = createSeen(world.nowMs());
  // What the object has on its disk: what it writes with each ask, and nothing else.
  let main = '';
  const disk = new Map<string, string>();
  const node: LedgerNode & { state: LedgerState } = {
    limits,
    quotas: quotasOf(limits),
    seen,
    state: rules.createLedger(world.nowMs()),
    receive(ask, reply) {
      seen.ledgerCalls += 1;
      const isNew = ask.seq > (node.state.holders.get(ask.holder)?.seq ?? 0);
      const { response, counted, writtenOff, holders } = rules.answerRequest(node.state, limits, ask, world.nowMs());
      seen.writtenOff += writtenOff;
      for (const { use } of counted) {
        for (const { forwarded, throttled, unsettled } of use.values()) {
          seen.countedForwarded += forwarded;
          seen.countedThrottled += throttled;
          seen.writtenOff += unsettled;
        }
      }
      checkAnswer(node, ask, response, isNew, world.nowMs());
      if (stored) {
        const { atMs, level, demand, windows } = node.state;
        main = JSON.stringify({ atMs, level, demand, windows } satisfies StoredLedger);
        for (const name of [ask.holder, ...holders]) {
          const holder = node.state.holders.get(name);
          if (holder) disk.set(name, JSON.stringify(holder));
          else disk.delete(name);
        }
      }
      reply(response);
    },
    restart() {
      if (!stored) {
        const { holders, ...rest } = node.state;
        node.state = rules.restoreLedger(rest, holders);
      } else if (main !== '') {
        const holders = [...disk].map(([name, holder]): [string, HolderState] => [
          name,
          JSON.parse(holder) as HolderState,
        ]);
        node.state = rules.restoreLedger(JSON.parse(main) as StoredLedger, new Map(holders));
      }
    },
  };
  return node;
}

/** A sub-ledger in its object: it keeps asks that it cannot answer until it has asked itself. */
function createSubLedgerNode(world: World, parent: LedgerNode, name: string, skewMs: number): LedgerNode {
  const { rules } = world;
  const { limits, quotas, seen } = parent;
  const clock = () => world.nowMs() + skewMs;
  let sub = createSubLedger(name, clock());
  let pending: { ask: LeaseRequest; reply: (answer: LeaseResponse) => void }[] = [];
  let timerAtMs: number | undefined;

  /** Whether the ask could be answered. */
  const tryToAnswer = ({ ask, reply }: (typeof pending)[number]): boolean => {
    const known = sub.children.get(ask.holder);
    const isNew = !known || ask.seq > known.seq || (ask.seq === known.seq && !known.answered);
    const answer = rules.askSubLedger(sub, ask, clock());
    if (!answer) return false;
    const { lease, no } = answer;
    if (no && !(no.holdsMs <= LEASE_MS)) seen.broken.push(`no holds ${no.holdsMs} ms`);
    if (lease && isNew) {
      const mostMs = Math.min(lease.grantedAtMs + LEASE_MS, windowEnd('day', lease.grantedAtMs));
      if (world.nowMs() + lease.lastsMs > mostMs) seen.broken.push('lease ends after the one that it is of');
    }
    reply(answer);
    return true;
  };
  const askParent = () => {
    if (fieldsOf(sub.holder).sent) return;
    const waiting = pending.map(({ ask }) => ask.waiting);
    const asked = sub;
    const written = rules.buildSubLedgerRequest(
      sub,
      limits,
      waiting.length === 0
        ? undefined
        : {
            calls: waiting.reduce((sum, { calls }) => sum + calls, 0),
            bytes: waiting.reduce((least, { bytes }) => Math.min(least, bytes), Number.POSITIVE_INFINITY),
          },
      clock(),
    );
    world.send({ ...written, batches: [...written.batches] }, (message) => {
      parent.receive(message, (answer) => {
        world.send(answer, (received) => {
          if (asked === sub && applySubLedgerResponse(sub, received, clock())) goOn();
        });
      });
    });
    world.at(world.nowMs() + ASK_TIMEOUT_MS, () => {
      if (asked !== sub || fieldsOf(sub.holder).sent?.seq !== written.seq) return;
      abandonSubLedgerRequest(sub);
      goOn();
    });
  };
  const goOn = () => {
    pending = pending.filter((each) => !tryToAnswer(each));
    // What the answer did not do for waits for its next ask.
    if (pending.length > 0)
      world.at(sub.askedAtMs - skewMs + SUB_LEDGER_ASKS_EVERY_MS, () => pending.length > 0 && askParent());
    arm();
  };
  const arm = () => {
    const dueAtMs = subLedgerDueAt(sub);
    if (dueAtMs === undefined || fieldsOf(sub.holder).sent) return;
    const atMs = Math.max(world.nowMs(), dueAtMs - skewMs);
    if (timerAtMs !== undefined && timerAtMs <= atMs) return;
    timerAtMs = atMs;
    world.at(atMs, () => {
      if (timerAtMs !== atMs) return;
      timerAtMs = undefined;
      const due = subLedgerDueAt(sub);
      if (due !== undefined && due <= clock()) askParent();
      else arm();
    });
  };
  return {
    limits,
    quotas,
    seen,
    get state() {
      return parent.state;
    },
    receive(ask, reply) {
      const each = { ask, reply };
      if (!tryToAnswer(each)) {
        pending.push(each);
        askParent();
      }
      arm();
    },
    restart() {
      // Its state is stored; what waited for it, and the answer that it waited for, are gone.
      sub = structuredClone(sub);
      abandonSubLedgerRequest(sub);
      pending = [];
      arm();
    },
  };
}

/** A lease ends within a second and within its window, a no within a second; nobody holds more than its share. */
function checkAnswer(
  { state, quotas, seen }: LedgerNode,
  ask: LeaseRequest,
  { lease, no }: LeaseResponse,
  isNew: boolean,
  nowMs: number,
): void {
  if (no && !(no.holdsMs <= LEASE_MS)) seen.broken.push(`no holds ${no.holdsMs} ms`);
  if (!lease) return;
  if (!(lease.lastsMs <= LEASE_MS)) seen.broken.push(`lease lasts ${lease.lastsMs} ms`);
  if (isNew && nowMs + lease.lastsMs > windowEnd('day', nowMs)) seen.broken.push('lease ends after its window');
  if (!isNew) return;
  const leases = state.holders.get(ask.holder)?.leases ?? [];
  for (const { unit, period, amount } of quotas) {
    const leftBefore = amount - state.windows[period][unit] + (lease[unit] ?? 0);
    let held = 0;
    for (const open of leases) {
      held += unit === 'calls' ? open.calls - open.usedCalls : (open.bytes ?? 0) - open.usedBytes;
    }
    const least = unit === 'calls' ? Math.max(1, Math.min(ask.waiting.calls, WAITING_SHARE)) : ask.waiting.bytes;
    const most = Math.max(least, Math.floor(leftBefore / LEASE_SHARE));
    if ((lease[unit] ?? 0) > 0 && held > most) seen.broken.push(`share: holds ${held} ${unit} of ${leftBefore}`);
  }
}

/** Sees a call go out to Lambda, and whether it may. */
/** A call that took a unit of the rate, whatever became of it. */
function seeCharged({ limits: { rate }, seen }: Pick<LedgerNode, 'limits' | 'seen'>, nowMs: number): void {
  if (!rate) return;
  const { perSecond, burst } = rate;
  seen.leaky = Math.max(0, seen.leaky - ((nowMs - seen.leakyAtMs) * perSecond) / 1_000) + 1;
  seen.leakyAtMs = nowMs;
  seen.mostLeaky = Math.max(seen.mostLeaky, seen.leaky);
  if (seen.leaky > burst + perSecond + 1e-6) seen.broken.push(`rate: ${seen.leaky} at ${nowMs}`);
}

function seeForwarded({ limits, quotas, seen }: LedgerNode, bytes: number, runs: boolean, nowMs: number): void {
  seen.forwarded += 1;
  for (const period of PERIODS) {
    let window = seen.windows[period];
    if (nowMs >= window.endMs) {
      window = { startMs: windowStart(period, nowMs), endMs: windowEnd(period, nowMs), calls: 0, bytes: 0 };
      seen.windows[period] = window;
    }
    window.calls += 1;
    window.bytes += bytes;
  }
  for (const { period, unit, amount, limit } of quotas) {
    if (seen.windows[period][unit] > amount) seen.broken.push(`quota: ${limit} at ${nowMs}`);
  }
  const { concurrency } = limits;
  seeCharged({ limits, seen }, nowMs);
  if (!runs) return;
  seen.running += 1;
  seen.mostRunning = Math.max(seen.mostRunning, seen.running);
  if (concurrency !== undefined && seen.running > concurrency) seen.broken.push(`concurrency: ${seen.running}`);
}

function seeThrottled({ seen }: LedgerNode, bytes: number, forwardedAtMs: number): void {
  seen.throttled += 1;
  for (const period of PERIODS) {
    const window = seen.windows[period];
    if (forwardedAtMs < window.startMs) continue;
    window.calls -= 1;
    window.bytes -= bytes;
  }
}

const clockOf = (world: World, { skewMs }: Place) => world.nowMs() + skewMs;

function callPlace(world: World, place: Place, call: Call): void {
  place.lastActivityMs = world.nowMs();
  world.rules.countArrival(place.holder, call.bytes);
  if (tryCall(world, place, call)) {
    askAhead(world, place);
    return;
  }
  const waiting = { call, untilMs: world.nowMs() + GIVE_UP_MS };
  place.waiting.push(waiting);
  world.at(waiting.untilMs, () => {
    const index = place.waiting.indexOf(waiting);
    if (index < 0) return;
    place.waiting.splice(index, 1);
    place.ledger.seen.gaveUp += 1;
    call.done?.(false);
  });
  askForWaiting(world, place);
}

/** Forwards or refuses a call; false: it has to wait. */
function tryCall(world: World, place: Place, call: Call): boolean {
  const { rules } = world;
  const { holder, ledger } = place;
  const { limits, seen } = ledger;
  if (call.fate === 'mistaken-early') {
    const charge = rules.chargeRate(holder, clockOf(world, place));
    if (charge.kind === 'ask') return false;
    if (charge.kind === 'refused') seen.refused += 1;
    else seeCharged(ledger, world.nowMs());
    call.done?.(false);
    if (place.timerAtMs === undefined) armTimer(world, place);
    return true;
  }
  const admission = rules.admit(holder, limits, call.bytes, clockOf(world, place));
  if (admission.kind === 'ask') return false;
  if (admission.kind === 'refused') {
    seen.refused += 1;
    call.done?.(false);
    return true;
  }
  const { ticket } = admission;
  if (call.fate === 'mistaken') {
    rules.cancelCall(holder, limits, ticket, clockOf(world, place));
    seeCharged(ledger, world.nowMs());
    call.done?.(false);
    if (place.timerAtMs === undefined) armTimer(world, place);
    return true;
  }
  const forwardedAtMs = world.nowMs();
  const runs = call.fate !== 'throttled' && call.fate !== 'unstarted';
  seeForwarded(ledger, call.bytes, runs, forwardedAtMs);
  const end = () => endOfCall(world, place, call, ticket, forwardedAtMs);
  if (call.fate === 'lost') {
    const lostAtMs = forwardedAtMs + Math.floor(call.durationMs / 2);
    world.at(lostAtMs, end);
    // From then on it is not known to run.
    world.at(Math.min(lostAtMs + LOST_HOLD_MS, forwardedAtMs + call.durationMs), () => {
      seen.running -= 1;
    });
  } else if (call.durationMs === 0) end();
  else world.at(forwardedAtMs + call.durationMs, end);
  if (call.fate === 'left') {
    world.at(forwardedAtMs + Math.floor(call.durationMs / 2), () => {
      if (place.alive) rules.callerLeft(holder, limits, ticket, clockOf(world, place));
    });
  }
  if (place.timerAtMs === undefined) armTimer(world, place);
  return true;
}

function endOfCall(world: World, place: Place, call: Call, ticket: Ticket, forwardedAtMs: number): void {
  const { rules } = world;
  const { holder, ledger } = place;
  const { fate } = call;
  const turnedAway = fate === 'throttled' || fate === 'unstarted';
  if (turnedAway) {
    seeThrottled(ledger, call.bytes, forwardedAtMs);
    if (!place.alive) ledger.seen.notGivenBack += 1;
  } else if (fate !== 'lost') ledger.seen.running -= 1;
  if (place.alive) {
    const nowMs = clockOf(world, place);
    rules.recordUsage(holder, 'orders', { calls: 1, forwarded: 1, throttled: turnedAway ? 1 : 0 }, nowMs);
    if (fate === 'lost') rules.loseCall(holder, ticket, nowMs);
    else if (fate === 'unstarted') rules.takeBackCall(holder, ledger.limits, ticket, nowMs);
    // Nobody sees the end of a function whose caller has left.
    else if (fate !== 'left') rules.endCall(holder, ledger.limits, ticket, nowMs);
    if (fate === 'throttled') rules.giveBack(holder, ticket, nowMs);
    place.lastActivityMs = world.nowMs();
    if (call.durationMs > 0) armTimer(world, place);
  }
  call.done?.(true);
}

function askAhead(world: World, place: Place): void {
  if (fieldsOf(place.holder).sent || place.waiting.length > 0) return;
  if (world.rules.wantsRenewal(place.holder, place.ledger.limits, clockOf(world, place))) ask(world, place, 'ahead');
}

function askForWaiting(world: World, place: Place): void {
  if (fieldsOf(place.holder).sent || place.waiting.length === 0) return;
  const bytes = place.waiting.reduce((least, { call }) => Math.min(least, call.bytes), Number.POSITIVE_INFINITY);
  ask(world, place, { waiting: { calls: place.waiting.length, bytes } });
}

function ask(world: World, place: Place, purpose: Purpose): void {
  const { rules } = world;
  const { holder, ledger } = place;
  const written = rules.buildRequest(holder, ledger.limits, purpose, clockOf(world, place));
  world.send(
    { ...written, batches: [...written.batches] },
    (message) => {
      ledger.receive(message, (answer) => {
        world.send(answer, (received) => place.alive && hear(world, place, received), place.cutOffUntilMs);
      });
    },
    place.cutOffUntilMs,
  );
  world.at(world.nowMs() + ASK_TIMEOUT_MS, () => {
    if (!place.alive || fieldsOf(holder).sent?.seq !== written.seq) return;
    rules.abandonRequest(holder);
    place.retryAtMs = world.nowMs() + RETRY_SETTLE_MS;
    goOn(world, place);
  });
}

function hear(world: World, place: Place, answer: LeaseResponse): void {
  if (!world.rules.applyResponse(place.holder, answer, clockOf(world, place))) return;
  for (const { askedAtMs, endsAtMs } of fieldsOf(place.holder).leases) {
    if (endsAtMs - askedAtMs > LEASE_MS) place.ledger.seen.broken.push(`lease held ${endsAtMs - askedAtMs} ms`);
  }
  goOn(world, place);
}

/** Those who waited try again, in the order in which they came. */
function goOn(world: World, place: Place): void {
  const waiting = place.waiting;
  if (waiting.length > 0) {
    place.waiting = [];
    const still = waiting.filter(({ call }) => !tryCall(world, place, call));
    place.waiting = [...still, ...place.waiting];
  }
  askForWaiting(world, place);
  if (waiting.length > 0) askAhead(world, place);
  armTimer(world, place);
}

function armTimer(world: World, place: Place): void {
  if (fieldsOf(place.holder).sent) return;
  const dueAtMs = world.rules.nextFlushAtMs(place.holder);
  if (dueAtMs === undefined) return;
  const atMs = Math.max(world.nowMs(), dueAtMs - place.skewMs, place.retryAtMs);
  if (atMs > place.lastActivityMs + KEEP_SETTLING_MS) return;
  if (place.timerAtMs !== undefined && place.timerAtMs <= atMs) return;
  place.timerAtMs = atMs;
  world.at(atMs, () => {
    if (place.timerAtMs !== atMs) return;
    place.timerAtMs = undefined;
    if (!place.alive || fieldsOf(place.holder).sent) return;
    const due = world.rules.nextFlushAtMs(place.holder);
    if (due !== undefined && due <= clockOf(world, place)) ask(world, place, 'flush');
    else armTimer(world, place);
  });
}
