import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Case, Outcome } from '../../src/cli/conformance/case.ts';
import { readCases } from '../../src/cli/conformance/cases.ts';
import { type Client, lackOf, listClients, prepare } from './clients.ts';
import { type ClientRun, runClient } from './run-client.ts';
import { type Cell, type Column, judge, table } from './table.ts';
import { type Against, startTarget } from './target.ts';

const { values: flags } = parseArgs({
  options: {
    against: { type: 'string', default: 'postern' },
    client: { type: 'string', multiple: true },
    case: { type: 'string', multiple: true },
    json: { type: 'boolean', default: false },
    'print-cases': { type: 'boolean', default: false },
  },
});
/** Progress; the table alone goes to standard output. */
const say = (line: string) => console.error(line);

/** Those that are asked for, or all of them. Throws on a name that there is not. */
function chosen<T>(
  what: string,
  all: readonly T[],
  nameOf: (one: T) => string,
  asked: readonly string[] | undefined,
): T[] {
  const unknown = asked?.find((name) => !all.some((one) => nameOf(one) === name));
  if (unknown !== undefined) throw new Error(`there is no ${what} ${unknown}; there are ${all.map(nameOf).join(', ')}`);
  return all.filter((one) => asked === undefined || asked.includes(nameOf(one)));
}

async function casesFor(otherTenant: boolean): Promise<Case[]> {
  return chosen('case', await readCases({ otherTenant }), ({ id }) => id, flags.case);
}

/** The clients that this machine can run, installed; says of each other one why not. */
async function readyClients(): Promise<{ ready: { client: Client; folder: string }[]; skipped: number }> {
  const ready: { client: Client; folder: string }[] = [];
  let skipped = 0;
  for (const client of chosen('client', await listClients(), ({ name }) => name, flags.client)) {
    const readiness = await prepare(client);
    if ('folder' in readiness) ready.push({ client, folder: readiness.folder });
    else {
      skipped += 1;
      say(`skipped ${client.name} (${client.title}): ${readiness.skipped}`);
    }
  }
  return { ready, skipped };
}

interface Ran {
  readonly cases: readonly Case[];
  readonly columns: readonly Column[];
  /** A client ended badly. */
  readonly broken: boolean;
  /** Clients that this machine cannot run. */
  readonly skipped: number;
}

/** Runs each client in turn, for two at a time would measure each other. */
async function runAll(against: Against): Promise<Ran> {
  const { ready, skipped } = await readyClients();
  const target = await startTarget(against);
  const folder = await mkdtemp(join(tmpdir(), 'conformance-'));
  try {
    const cases = await casesFor(target.otherCredentials !== undefined);
    const columns: Column[] = [];
    let broken = false;
    for (const { client, folder: program } of ready) {
      const able = cases.filter((one) => lackOf(client, one) === undefined);
      const casesFile = join(folder, `${client.name}.json`);
      await writeFile(casesFile, JSON.stringify(able));
      const run = await runClient(client, program, casesFile, target);
      say(`${client.name}: ${run.outcomes.size} of ${able.length} cases in ${run.seconds.toFixed(1)} s`);
      if (run.broken !== undefined) say(`${client.name} ${run.broken}`);
      broken ||= run.broken !== undefined;
      columns.push(columnOf(client, cases, run));
    }
    return { cases, columns, broken, skipped };
  } finally {
    await target.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** A client's outcomes, with those of the cases that were not sent to it. */
function columnOf(client: Client, cases: readonly Case[], { sdk, runtime, outcomes }: ClientRun): Column {
  const { name, faults = [] } = client;
  const lacking = cases.flatMap((one): [string, Outcome][] => {
    const unsupported = lackOf(client, one);
    return unsupported === undefined ? [] : [[one.id, { id: one.id, unsupported }]];
  });
  return { name, sdk, runtime, faults, outcomes: new Map([...outcomes, ...lacking]) };
}

function printJson(columns: readonly Column[], cells: readonly Cell[]): void {
  const clients = columns.map(({ outcomes, ...about }) => ({ ...about, outcomes: [...outcomes.values()] }));
  console.log(JSON.stringify({ against: flags.against, clients, cells }, null, 2));
}

async function main(): Promise<number> {
  if (flags['print-cases']) {
    console.log(JSON.stringify(await casesFor(true), null, 2));
    return 0;
  }
  const { against } = flags;
  if (against !== 'postern' && against !== 'lambda') throw new Error('--against is postern or lambda');
  const { cases, columns, broken, skipped } = await runAll(against);
  const cells = judge(cases, columns);
  if (flags.json) printJson(columns, cells);
  else console.log(table(cases, columns, cells));
  const count = (kind: Cell['verdict']['kind']) => cells.filter(({ verdict }) => verdict.kind === kind).length;
  const failed = count('fail');
  say(`${count('client-fault')} as the client's own declared fault, ${count('unsupported')} that a client cannot do`);
  say(`${count('pass')} passed, ${failed} failed, ${skipped} skipped`);
  return failed > 0 || broken || columns.length === 0 ? 1 : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  say(`conformance: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
