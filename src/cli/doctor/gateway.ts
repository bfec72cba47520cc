import { createAdminClient } from '../admin-client.ts';
import type { Connection } from '../connection.ts';
import { whyUnreachable } from '../unreachable.ts';
import { type Finding, findingsOf, judgeClock } from './finding.ts';

/** Looks whether a gateway answers, and takes its admin token. */
export async function checkGateway({ url, adminToken }: Connection): Promise<Finding[]> {
  const { ok, fail } = findingsOf('gateway');
  try {
    const { status, headers, body } = await createAdminClient(url, adminToken).request('GET', '/tenants?limit=1');
    const clock = judgeClock('clock of the gateway', headers.get('date'), Date.now());
    if (status === 200) return [ok(`${url} answers, and takes the admin token`), clock];
    if (status === 401) return [fail(`${url} does not take the admin token`, 'look at POSTERN_ADMIN_TOKEN'), clock];
    const { Message } = (typeof body === 'object' && body !== null ? body : {}) as { Message?: unknown };
    if (headers.get('x-postern-refusal') === 'misconfigured') {
      return [fail(`${url}: ${String(Message)}`, 'set what it names, with wrangler secret put'), clock];
    }
    return [fail(`${url} answered ${status}`, 'look whether this is the address of a Postern gateway')];
  } catch (error) {
    return [fail(`${url} gave no answer (${whyUnreachable(error)})`, 'look at its address, and whether it runs')];
  }
}
