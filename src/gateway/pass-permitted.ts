import type { Permit } from '../core/policy/permit.ts';
import { TimeoutError } from '../edge/deadline.ts';
import { type PassedAnswer, type PassFault, passAnswer } from './answer.ts';
import type { Call } from './call.ts';
import { createRevision } from './revise-answer.ts';
import { MAX_BODY_STALL_MS } from './stream/pass-body.ts';

/** Passes Lambda's answer on, revised as the permit demands. A revision may read a body whole, which can fail or stall. */
export async function passPermitted(
  upstream: Response,
  permit: Permit,
  accept: string | undefined,
  { left, stopwatch }: Pick<Call, 'left' | 'stopwatch'>,
): Promise<PassedAnswer | PassFault> {
  const wait = stopwatch.within;
  const revision = createRevision(permit);
  let answer = upstream;
  if (revision) {
    try {
      answer = await wait(MAX_BODY_STALL_MS, revision.answer(upstream));
    } catch (error) {
      return error instanceof TimeoutError ? 'stalled' : 'broken-off';
    }
  }
  return passAnswer(answer, { accept, logIsOurs: permit.logIsOurs, revision, left, wait });
}
