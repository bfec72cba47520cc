import type { Case, Outcome } from '../../src/cli/conformance/case.ts';
import { compareOutcome, type Verdict } from '../../src/cli/conformance/compare.ts';

/** A client that was run, for the table. */
export interface Column {
  readonly name: string;
  readonly sdk: string;
  readonly runtime: string;
  readonly outcomes: ReadonlyMap<string, Outcome>;
}

/** One cell: what a client made of a case. */
export interface Cell {
  readonly client: string;
  readonly case: string;
  readonly verdict: Verdict;
}

/** Compares every outcome of every client; a case without an outcome has failed. */
export function judge(cases: readonly Case[], columns: readonly Column[]): Cell[] {
  return columns.flatMap(({ name, outcomes }) =>
    cases.map((one): Cell => {
      const outcome = outcomes.get(one.id);
      const verdict: Verdict = outcome
        ? compareOutcome(one, outcome)
        : { kind: 'fail', reasons: ['the client said nothing of it'] };
      return { client: name, case: one.id, verdict };
    }),
  );
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
  return [...parts, notes(cells, 'unsupported')].filter((part) => part !== '').join('\n\n');
}

function mark(verdict: Verdict | undefined): string {
  if (verdict === undefined) return '–';
  if (verdict.kind === 'report') return verdict.text.replaceAll('|', '\\|');
  return { pass: '✓', fail: '✗', unsupported: 'n/a' }[verdict.kind];
}

/** Lines on the cells of one kind; one reason of one client is said once, with its cases. */
function notes(cells: readonly Cell[], kind: 'fail' | 'unsupported'): string {
  const lines = new Map<string, string[]>();
  for (const { client, case: id, verdict } of cells) {
    if (verdict.kind !== kind) continue;
    const why = verdict.kind === 'fail' ? verdict.reasons.join('; ') : verdict.kind === 'unsupported' && verdict.why;
    const line = `${kind === 'fail' ? '✗' : 'n/a'} ${client}: ${why}`;
    lines.set(line, [...(lines.get(line) ?? []), id]);
  }
  return [...lines].map(([line, ids]) => `- ${line} (${ids.join(', ')})`).join('\n');
}
