import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KeyPair } from '../../src/cli/conformance/interpret.ts';
import { admin, startPostern } from '../support/postern.ts';
import type { RunningPostern } from '../support/running-postern.ts';

/** What clients are run against: the gateway, or the local Lambda behind it. */
export type Against = 'postern' | 'lambda';

/** An endpoint that is up. */
export interface RunningTarget {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: KeyPair;
  /** A pair of a tenant whose policy allows nothing; the local Lambda trusts one pair only. */
  readonly otherCredentials?: KeyPair;
  stop(): Promise<unknown>;
}

const REGION = 'us-east-1';

/** Starts Postern and the local Lambda as a newcomer would, and gives the one that is asked for. */
export async function startTarget(against: Against): Promise<RunningTarget> {
  const postern = await startPostern();
  const stop = () => postern.stop();
  if (against === 'lambda') {
    const state = JSON.parse(await readFile(join(postern.stateDir, 'state.json'), 'utf8')) as { lambda: KeyPair };
    return { endpoint: postern.lambda, region: REGION, credentials: state.lambda, stop };
  }
  const otherCredentials = await makeOtherTenant(postern);
  return { endpoint: postern.gateway, region: REGION, credentials: postern.demo, otherCredentials, stop };
}

/** Makes a tenant with a good key that may call nothing. */
async function makeOtherTenant(postern: RunningPostern): Promise<KeyPair> {
  const tenant = await admin<{ id: string }>(postern, 'POST', '/tenants', { name: 'other', policy: { allow: [] } });
  return (await admin<KeyPair>(postern, 'POST', `/tenants/${tenant.body.id}/keys`, {})).body;
}
