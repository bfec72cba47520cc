import { type Comparison, MIDDLE_CONNECTIONS, POSTERN } from './compare.ts';

/** US dollars. Each price with the page that published it, as read on 2026-11-24. */
const PRICES = {
  // https://developers.cloudflare.com/workers/platform/pricing/
  workers: {
    planPerMonth: 5,
    includedRequests: 10e6,
    perMillionRequests: 0.3,
    includedCpuMs: 30e6,
    perMillionCpuMs: 0.02,
  },
  // https://developers.cloudflare.com/durable-objects/platform/pricing/
  objects: {
    includedRequests: 1e6,
    perMillionRequests: 0.15,
    includedGbSeconds: 400e3,
    perMillionGbSeconds: 12.5,
    gb: 0.125,
    includedRowsWritten: 50e6,
    perMillionRowsWritten: 1,
  },
  // https://aws.amazon.com/api-gateway/pricing/, us-east-1: the first 333 million, and the first 300 million a month
  apiGateway: { restPerMillion: 3.5, httpPerMillion: 1 },
};

/** An ask writes the ledger, its holder, and the use of the tenant and of one function (`src/state/`). */
const ROWS_PER_OBJECT_CALL = 4;
/** Not measured: the time that an ask keeps its object busy, its write confirmed by other machines. */
const SECONDS_PER_OBJECT_CALL = 0.05;
const SMALL_BYTES = 200;

export interface CallCost {
  readonly cpuMs: number;
  readonly objectCalls: number;
}

export interface CostLine {
  readonly what: string;
  readonly dollars: number;
}

const beyond = (used: number, included: number, perMillion: number) =>
  (Math.max(0, used - included) / 1e6) * perMillion;

/** What so many calls in a month cost on Workers. */
export function costOfPostern(calls: number, { cpuMs, objectCalls }: CallCost): CostLine[] {
  const { workers, objects } = PRICES;
  const asks = calls * objectCalls;
  const gbSeconds = asks * SECONDS_PER_OBJECT_CALL * objects.gb;
  const rows = asks * ROWS_PER_OBJECT_CALL;
  return [
    { what: 'plan', dollars: workers.planPerMonth },
    { what: 'requests', dollars: beyond(calls, workers.includedRequests, workers.perMillionRequests) },
    { what: 'CPU', dollars: beyond(calls * cpuMs, workers.includedCpuMs, workers.perMillionCpuMs) },
    { what: 'object calls', dollars: beyond(asks, objects.includedRequests, objects.perMillionRequests) },
    { what: 'object time', dollars: beyond(gbSeconds, objects.includedGbSeconds, objects.perMillionGbSeconds) },
    { what: 'rows written', dollars: beyond(rows, objects.includedRowsWritten, objects.perMillionRowsWritten) },
  ];
}

const dollars = (amount: number) => `$${amount.toFixed(2)}`;

/** The cost of 100 million calls in a month as Markdown, from what a run has measured. */
export function renderCost({ cells, objectCallsPerCall, objectCallsPerLoneCall }: Comparison): string {
  const calls = 100e6;
  const cell = cells.find(
    ({ name, bytes, connections }) =>
      name === `${POSTERN}, limits` && bytes === SMALL_BYTES && connections === MIDDLE_CONNECTIONS,
  );
  if (!cell || Object.keys(cell.failures).length > 0)
    throw new Error('calls of 200 bytes with limits were not measured');
  const cpuMs = cell.cpuMicros / 1_000;
  const kinds = [
    { name: 'Postern, busy tenants', cost: costOfPostern(calls, { cpuMs, objectCalls: objectCallsPerCall }) },
    { name: 'Postern, each call alone', cost: costOfPostern(calls, { cpuMs, objectCalls: objectCallsPerLoneCall }) },
  ];
  const heads = kinds[0]?.cost.map(({ what }) => what) ?? [];
  const total = (cost: readonly CostLine[]) => cost.reduce((sum, line) => sum + line.dollars, 0);
  const { restPerMillion, httpPerMillion } = PRICES.apiGateway;
  const blank = heads.map((what) => (what === 'requests' ? undefined : ''));
  const aws = (name: string, perMillion: number) => {
    const amount = dollars((calls / 1e6) * perMillion);
    return `| ${[name, ...blank.map((cell) => cell ?? amount), `**${amount}**`].join(' | ')} |`;
  };
  return [
    `| 100 million calls in a month | ${heads.join(' | ')} | sum |`,
    `|---|${heads.map(() => '--:|').join('')}--:|`,
    ...kinds.map(
      ({ name, cost }) =>
        `| ${[name, ...cost.map((line) => dollars(line.dollars)), `**${dollars(total(cost))}**`].join(' | ')} |`,
    ),
    aws('API Gateway, REST API', restPerMillion),
    aws('API Gateway, HTTP API', httpPerMillion),
    '',
    `Measured: ${cpuMs.toFixed(3)} ms of CPU a call of 200 bytes with limits; ${objectCallsPerCall.toFixed(4)} calls to the ` +
      `tenant's object for each call of a busy tenant, ${objectCallsPerLoneCall.toFixed(2)} where each call comes alone, ` +
      `seconds after the last. Taken, not measured: ${ROWS_PER_OBJECT_CALL} rows written and ` +
      `${SECONDS_PER_OBJECT_CALL * 1_000} ms of object time for each of those.`,
  ].join('\n');
}
