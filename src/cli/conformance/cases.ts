import { readFile } from 'node:fs/promises';
import type { Case } from './case.ts';

/** The path of the file that contains the cases. */
export const CASES_FILE = `${import.meta.dirname}/cases.json`;

/** The account and region of the local Lambda, which the ARNs in the cases contain. */
const LOCAL = { accountId: '123456789012', region: 'us-east-1' } as const;

/** The properties of an endpoint that the cases depend on. */
export interface Place {
  readonly accountId?: string;
  readonly region?: string;
  /** True if credentials are available for a caller who may call nothing. */
  readonly otherTenant: boolean;
}

/** Reads the cases that an endpoint can run, and puts the endpoint's account and region into the ARNs. */
export async function readCases({ accountId, region, otherTenant }: Place): Promise<Case[]> {
  const cases = JSON.parse(await readFile(CASES_FILE, 'utf8')) as Case[];
  const here = (name: string) =>
    name.replace(LOCAL.accountId, accountId ?? LOCAL.accountId).replace(LOCAL.region, region ?? LOCAL.region);
  return cases
    .filter(({ credentials }) => otherTenant || credentials !== 'other-tenant')
    .map((one) => ({ ...one, function: here(one.function) }));
}

/** The bytes of a case's payload. Undefined if the case has no payload. */
export function payloadOf({ payload, payloadBytes }: Case): Buffer | undefined {
  if (payloadBytes !== undefined) return Buffer.from(`"${'x'.repeat(payloadBytes - 2)}"`);
  return payload === undefined ? undefined : Buffer.from(payload);
}

/** The functions that an endpoint needs, and what each must do. `src/emulator/functions/` has them in JavaScript. */
export const FUNCTIONS: Readonly<Record<string, string>> = {
  hello: 'answers {"message":"Hello, <event.name or world>!"}; versions 1 and 2, alias live of 2',
  echo: 'answers {"event","context"}; the context has clientContext and tenantId',
  identity: 'answers its event',
  log: 'writes 64 lines "line N ..." of 128 bytes to its log and answers {"lines":64}',
  fail: 'throws "This function always fails."',
  throttled: 'is throttled: reserved concurrency 0',
  stream: 'streams event.chunks chunks of event.bytes x, event.delayMs apart; alias live of 2',
};
