import type { Case, Outcome } from '../../src/cli/conformance/case.ts';
import { compareOutcome, type Verdict } from '../../src/cli/conformance/compare.ts';
import type { ClientFault } from './clients.ts';

/** A client that was run, for the table. */
export interface Column {
  readonly name: string;
  readonly sdk: string;
  readonly runtime: string;
  readonly outcomes: ReadonlyMap<string, Outcome>;
  /** What its `client.json` says is wrong with the client itself. */
  readonly faults?: readonly ClientFault[];
}

/** One cell: what a client made of a case. */
export interface Cell {
  readonly client: string;
  readonly case: string;
  /** `client-fault`: it fails as its `client.json` says it will. */
  readonly verdict: Verdict | { readonly kind: 'client-fault'; readonly why: string };
}

/** Compares every outcome of every client; a case without an outcome has failed. */
export function judge(cases: readonly Case[], columns: readonly Column[]): Cell[] {
  return columns.flatMap(({ name, outcomes, faults = [] }) =>
    cases.map((one): Cell => {
      const outcome = outcomes.get(one.id);
      const verdict: Verdict = outcome
        ? compareOutcome(one, outcome)
        : { kind: 'fail', reasons: ['the client said nothing of it'] };
      const fault = faults.find((known) => known.cases.includes(one.id));
      return { client: name, case: one.id, verdict: fault ? judgeFault(fault, verdict) : verdict };
    }),
  );
}

/** A declared fault that is gone, or shows otherwise than declared, is a failure: the declaration is no longer true. */
function judgeFault({ reason, sees }: ClientFault, verdict: Verdict): Cell['verdict'] {
  const reasons = verdict.kind === 'fail' ? verdict.reasons : [`it came to ${verdict.kind}`];
  if (verdict.kind === 'fail' && reasons.join('; ').includes(sees)) return { kind: 'client-fault', why: reason };
  return { kind: 'fail', reasons: [`the declared fault (${reason}) does not show: ${reasons.join('; ')}`] };
}

/** The table as Markdown: a row for each case, a column for each client, and below it what a mark cannot say. */
export function table(cases: readonly Case[], columns: readonly Column[], cells: readonly Cell[]): string {
  const cellOf = (client: string, id: string) => cells.find((cell) => cell.client === client && cell.case === id);
  const rows = [
    ['case', ...columns.map(({ name }) => name)],
    ['---', ...columns.map(() => ':-:')],
    ...cases.map(({ id, title }) => [
      `\`${id}\`: ${title}`,
      ...columns.map(({ name }) => mark(cellOf(name, id)?.verdict)),
    ]),
  ];
  const versions = columns.map(({ name, sdk, runtime }) => `- ${name}: ${sdk}${runtime && `, ${runtime}`}`);
  const parts = [rows.map((row) => `| ${row.join(' | ')} |`).join('\n'), versions.join('\n'), notes(cells, 'fail')];
  return [...parts, notes(cells, 'client-fault'), notes(cells, 'unsupported')]
    .filter((part) => part !== '')
    .join('\n\n');
}

const MARKS = { pass: '✓', fail: '✗', unsupported: 'n/a', 'client-fault': 'C' } as const;

function mark(verdict: Cell['verdict'] | undefined): string {
  if (verdict === undefined) return '–';
  if (verdict.kind === 'report') return verdict.text.replaceAll('|', '\\|');
  return MARKS[verdict.kind];
}

/** Lines on the cells of one kind; one reason of one client is said once, with its cases. */
function notes(cells: readonly Cell[], kind: 'fail' | 'unsupported' | 'client-fault'): string {
  const lines = new Map<string, string[]>();
  for (const { client, case: id, verdict } of cells) {
    if (verdict.kind !== kind) continue;
    const why = 'reasons' in verdict ? verdict.reasons.join('; ') : 'why' in verdict && verdict.why;
    const line = `${MARKS[kind]} ${client}: ${why}`;
    lines.set(line, [...(lines.get(line) ?? []), id]);
  }
  return [...lines].map(([line, ids]) => `- ${line} (${ids.join(', ')})`).join('\n');
}
