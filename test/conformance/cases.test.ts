import { describe, expect, it } from 'vitest';
import { FUNCTIONS, payloadOf, readCases } from '../../src/cli/conformance/cases.ts';

const all = await readCases({ otherTenant: true });

describe('the cases', () => {
  it('have ids that tell them apart', () => {
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  });

  it('call only functions that the kit names to an operator, or that do not exist', () => {
    const names = all.map(({ function: name }) => name.replace(/^.*:function:/, '').replace(/:.*$/, ''));
    expect([...new Set(names)].filter((name) => !(name in FUNCTIONS))).toEqual(['absent', 'no!name']);
  });

  it('say of everything that an SDK may lack', () => {
    const lacking = all.filter(({ needs }) => needs === undefined);
    expect(lacking.filter(({ operation }) => operation !== 'Invoke')).toEqual([]);
    expect(lacking.filter((one) => one.tenantId !== undefined || one.credentials === 'skewed-clock')).toEqual([]);
  });

  it('send one case to the throttle endpoint: the runner counts what arrives there as its', () => {
    expect(all.filter(({ endpoint }) => endpoint === 'throttle').map(({ id }) => id)).toEqual(['retries']);
  });
});

describe('readCases', () => {
  it('writes the account and region of a place into ARNs, and leaves other names', async () => {
    const there = await readCases({ accountId: '000000000000', region: 'eu-west-1', otherTenant: true });
    const nameOf = (id: string) => there.find((one) => one.id === id)?.function;
    expect(nameOf('full-arn')).toBe('arn:aws:lambda:eu-west-1:000000000000:function:hello');
    expect(nameOf('partial-arn')).toBe('000000000000:function:hello');
    expect(nameOf('name-alias')).toBe('hello:live');
  });

  it('leaves out what needs another tenant where there is none', async () => {
    const alone = await readCases({ otherTenant: false });
    expect(all.filter(({ id }) => !alone.some((one) => one.id === id)).map(({ id }) => id)).toEqual(['access-denied']);
  });
});

describe('payloadOf', () => {
  const base = { id: 'one', title: 'a case', operation: 'Invoke', function: 'hello', expect: {} } as const;

  it('makes a JSON string of a given number of bytes in all', () => {
    expect(payloadOf({ ...base, payloadBytes: 5 })?.toString()).toBe('"xxx"');
  });

  it('gives text as UTF-8, and nothing for a case without a payload', () => {
    expect(payloadOf({ ...base, payload: 'ë' })).toEqual(Buffer.from([0xc3, 0xab]));
    expect(payloadOf(base)).toBeUndefined();
  });
});
