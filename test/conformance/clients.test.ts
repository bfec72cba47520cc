import { describe, expect, it } from 'vitest';
import type { Case } from '../../src/cli/conformance/case.ts';
import { readCases } from '../../src/cli/conformance/cases.ts';
import { lackOf, listClients } from './clients.ts';

const clients = await listClients();
const cases = await readCases({ otherTenant: true });

describe('the clients', () => {
  it('are the SDKs and the signers, with js-v3 first', () => {
    expect(clients.map(({ name }) => name)).toEqual([
      'js-v3',
      'aws-cli',
      'aws4',
      'aws4fetch',
      'boto3',
      'curl',
      'go-v2',
      'java-v2',
      'java-v2-url-connection',
      'js-v2',
      'requests-aws4auth',
      'rust',
    ]);
  });

  it('are each sent a call without a payload, of each type', () => {
    for (const id of ['no-payload', 'no-payload-event', 'no-payload-dry-run']) {
      const [one] = cases.filter((known) => known.id === id);
      expect(one).toMatchObject({ operation: 'Invoke' });
      expect(one).not.toHaveProperty('payload');
      expect(clients.filter((client) => one && lackOf(client, one) !== undefined)).toEqual([]);
    }
  });

  it('declare faults of cases that there are and that are sent to them', () => {
    const wrong = clients.flatMap((client) =>
      (client.faults ?? []).flatMap((fault) =>
        fault.cases.filter((id) => {
          const one = cases.find((known) => known.id === id);
          return one === undefined || lackOf(client, one) !== undefined;
        }),
      ),
    );
    expect(wrong).toEqual([]);
  });
});

describe('lackOf', () => {
  const one: Case = {
    id: 'one',
    title: 'a case',
    operation: 'Presigned',
    function: 'hello',
    needs: ['presign'],
    expect: {},
  };

  it('is the reason of the first need that a client lacks', () => {
    expect(lackOf({ lacks: { presign: 'no presigner' } }, one)).toBe('no presigner');
    expect(lackOf({ lacks: { stream: 'no streams' } }, one)).toBeUndefined();
    expect(lackOf({}, one)).toBeUndefined();
  });
});
