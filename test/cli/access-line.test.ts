import { describe, expect, it } from 'vitest';
import { readableLine } from '../../src/cli/local/access-line.ts';

const call = { at: 'T', requestId: 'own', tenant: 't1_a', type: 'Event', function: 'hello', durationMs: 7 };
const show = (record: object) => readableLine(JSON.stringify(record));

describe('readableLine', () => {
  it("names the tenant and Lambda's id of a call that Lambda answered, which its caller has", () => {
    expect(show({ ...call, status: 202, upstreamRequestId: 'theirs' })).toBe(
      'T  202  Event  hello  7 ms  t1_a  theirs',
    );
  });

  it("names the gateway's own id of any other call", () => {
    const refused = { ...call, status: 403, refusal: 'no-rule' };
    expect(show(refused)).toBe('T  403  Event  hello  7 ms  no-rule  t1_a  own');
    expect(show({ ...refused, upstreamRequestId: '' })).toMatch(/ {2}own$/);
    expect(show({ at: 'T', requestId: 'own', status: 403, refusal: 'key-missing', durationMs: 0 })).toBe(
      'T  403  -  -  0 ms  key-missing  own',
    );
  });

  it('leaves any other line as it is', () => {
    for (const line of ['text', '{"level":"error"}', 'null', '7']) expect(readableLine(line)).toBe(line);
  });
});
