import { describe, expect, it } from 'vitest';
import type { Case, Outcome } from '../../src/cli/conformance/case.ts';
import { judge, table } from './table.ts';

const cases: Case[] = [
  { id: 'one', title: 'the first', operation: 'Invoke', function: 'hello', expect: { status: 200 } },
  { id: 'two', title: 'the second', operation: 'Presigned', function: 'hello', needs: ['presign'], expect: {} },
];
const column = (name: string, outcomes: Outcome[]) => ({
  name,
  sdk: `${name} 1.0`,
  runtime: '',
  outcomes: new Map(outcomes.map((outcome) => [outcome.id, outcome])),
});
const columns = [
  column('good', [
    { id: 'one', status: 200 },
    { id: 'two', unsupported: 'no presigner' },
  ]),
  column('bad', [{ id: 'one', status: 204 }]),
];

describe('judge', () => {
  it('fails a case that a client said nothing of', () => {
    expect(judge(cases, columns).filter(({ verdict }) => verdict.kind === 'fail')).toEqual([
      { client: 'bad', case: 'one', verdict: { kind: 'fail', reasons: ['status is 204, not 200'] } },
      { client: 'bad', case: 'two', verdict: { kind: 'fail', reasons: ['the client said nothing of it'] } },
    ]);
  });
});

describe('judge of a declared fault of a client', () => {
  const [, bad] = columns;
  const verdictWith = (sees: string, id = 'one') => {
    const faults = [{ cases: [id], reason: 'it signs wrongly', sees }];
    return judge(cases.slice(0, 1), bad ? [{ ...bad, faults }] : [])[0]?.verdict;
  };

  it('passes for the fault of the client, where it shows as declared', () => {
    expect(verdictWith('status is 204')).toEqual({ kind: 'client-fault', why: 'it signs wrongly' });
  });

  it('is a failure where it shows otherwise', () => {
    expect(verdictWith('InvalidSignature')).toEqual({
      kind: 'fail',
      reasons: ['the declared fault (it signs wrongly) does not show: status is 204, not 200'],
    });
  });

  it('is a failure where the case passes', () => {
    const good = column('good', [{ id: 'one', status: 200 }]);
    const faults = [{ cases: ['one'], reason: 'it signs wrongly', sees: 'status' }];
    expect(judge(cases.slice(0, 1), [{ ...good, faults }])[0]?.verdict).toMatchObject({ kind: 'fail' });
  });

  it('does not excuse another case', () => {
    expect(verdictWith('status is 204', 'two')).toEqual({ kind: 'fail', reasons: ['status is 204, not 200'] });
  });
});

describe('table', () => {
  it('has a row for each case, a column for each client, and the reasons below', () => {
    expect(table(cases, columns, judge(cases, columns))).toBe(
      `| case | good | bad |
| --- | :-: | :-: |
| \`one\`: the first | ✓ | ✗ |
| \`two\`: the second | n/a | ✗ |

- good: good 1.0
- bad: bad 1.0

- ✗ bad: status is 204, not 200 (one)
- ✗ bad: the client said nothing of it (two)

- n/a good: no presigner (two)`,
    );
  });

  it('says nothing below where there is nothing to say', () => {
    const [good] = columns;
    const one = cases.slice(0, 1);
    expect(table(one, good ? [good] : [], judge(one, good ? [good] : []))).toMatch(/- good: good 1\.0$/);
  });
});
