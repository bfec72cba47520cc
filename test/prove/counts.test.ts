import { describe, expect, it } from 'vitest';
import { namesOf, readCounts, sum } from './counts.ts';

const report = (members: object) =>
  JSON.stringify({
    numPassedTests: 0,
    numFailedTests: 0,
    numPendingTests: 0,
    numTodoTests: 0,
    testResults: [],
    ...members,
  });

describe('readCounts', () => {
  it('takes an exit code for one check', () => {
    expect(readCounts('exit', { code: 0, tail: '' })).toEqual({ passed: 1, failed: 0, skipped: 0 });
    expect(readCounts('exit', { code: 2, tail: '' })).toEqual({ passed: 0, failed: 1, skipped: 0 });
    expect(readCounts('exit', { code: null, tail: '' }).failed).toBe(1);
  });

  it('reads the last closing line, with or without a count of skips', () => {
    const tail = '1 passed, 9 failed\nmore\n12 passed, 0 failed, 3 skipped\n';
    expect(readCounts('closing-line', { code: 0, tail })).toEqual({ passed: 12, failed: 0, skipped: 3 });
    expect(readCounts('closing-line', { code: 0, tail: '4 passed, 0 failed' })).toEqual({
      passed: 4,
      failed: 0,
      skipped: 0,
    });
  });

  it('reads a report of vitest; what is pending or to do is a skip, a file that does not load a failure', () => {
    const members = {
      numPassedTests: 5,
      numFailedTests: 1,
      numPendingTests: 2,
      numTodoTests: 1,
      testResults: [
        { status: 'failed', assertionResults: [{ status: 'failed' }, { status: 'passed' }] },
        { status: 'failed', assertionResults: [] },
        { status: 'passed', assertionResults: [{ status: 'passed' }] },
      ],
    };
    const counts = readCounts('vitest', { code: 1, tail: '', report: report(members) });
    expect(counts).toEqual({ passed: 5, failed: 2, skipped: 3 });
  });

  it.each([
    ['ends badly behind a good closing line', 'closing-line', { code: 1, tail: '4 passed, 0 failed' }],
    ['ends badly behind a good report', 'vitest', { code: 1, tail: '', report: report({ numPassedTests: 4 }) }],
    ['says nothing', 'closing-line', { code: 0, tail: 'all is well' }],
    ['counts nothing', 'closing-line', { code: 0, tail: '0 passed, 0 failed' }],
    ['leaves no report', 'vitest', { code: 0, tail: '4 passed, 0 failed' }],
    ['reports no test', 'vitest', { code: 0, tail: '', report: report({}) }],
  ] as const)('fails a command that %s', (_, from, ended) => {
    expect(readCounts(from, ended).failed).toBe(1);
  });
});

describe('namesOf', () => {
  it('names each test that did not pass', () => {
    const assertionResults = [
      { status: 'passed', fullName: 'a' },
      { status: 'failed', fullName: 'b' },
      { status: 'skipped', fullName: 'c' },
    ];
    expect(namesOf(report({ testResults: [{ name: 'x.test.ts', status: 'failed', assertionResults }] }))).toEqual([
      'failed: x.test.ts > b',
      'skipped: x.test.ts > c',
    ]);
    expect(namesOf(undefined)).toEqual([]);
  });
});

describe('sum', () => {
  it('adds up', () => {
    const one = { passed: 1, failed: 2, skipped: 3 };
    expect(sum([one, one])).toEqual({ passed: 2, failed: 4, skipped: 6 });
    expect(sum([])).toEqual({ passed: 0, failed: 0, skipped: 0 });
  });
});
