import { readFile } from 'node:fs/promises';
import type { Case } from './case.ts';

/** The file of the cases. */
export const CASES_FILE = `${import.meta.dirname}/cases.json`;

/** The account and region that ARNs in the cases name: the local Lambda's. */
const LOCAL = { accountId: '123456789012', region: 'us-east-1' } as const;

/** What an endpoint is and has, as far as cases depend on it. */
export interface Place {
  readonly accountId?: string;
  readonly region?: string;
  /** True if there are credentials of a caller who may call nothing. */
  readonly otherTenant: boolean;
}

/** Reads the cases that can be run at a place, with its account and region in their ARNs. */
export async function readCases({ accountId, region, otherTenant }: Place): Promise<Case[]> {
  const cases = JSON.parse(await readFile(CASES_FILE, 'utf8')) as Case[];
  const here = (name: string) =>
    name.replace(LOCAL.accountId, accountId ?? LOCAL.accountId).replace(LOCAL.region, region ?? LOCAL.region);
  return cases
    .filter(({ credentials }) => otherTenant || credentials !== 'other-tenant')
    .map((one) => ({ ...one, function: here(one.function) }));
}

/** The bytes of a case's payload; undefined when the SDK is to be given none. */
export function payloadOf({ payload, payloadBytes }: Case): Buffer | undefined {
  if (payloadBytes !== undefined) return Buffer.from(`"${'x'.repeat(payloadBytes - 2)}"`);
  return payload === undefined ? undefined : Buffer.from(payload);
}

/** The functions that an endpoint has to have, and what each must do (`src/emulator/functions/` has them in JavaScript). */
export const FUNCTIONS: Readonly<Record<string, string>> = {
  hello: 'answers {"message":"Hello, <event.name or world>!"}; versions 1 and 2, alias live of 2',
  echo: 'answers {"event","context"}; the context has clientContext and tenantId',
  identity: 'answers its event',
  log: 'writes 64 lines "line N ..." of 128 bytes to its log and answers {"lines":64}',
  fail: 'throws "This function always fails."',
  throttled: 'is throttled: reserved concurrency 0',
  stream: 'streams event.chunks chunks of event.bytes x, event.delayMs apart; alias live of 2',
};
