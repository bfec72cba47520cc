import { TENANT_OPERATIONS } from '../../admin/tenants/operations.ts';
import type { Operator } from '../operator/operator.ts';
import type { Plan, Step } from './plan.ts';

/** The outcome of carrying out a plan. The plan stops at the first step that fails. */
export interface Outcome {
  readonly done: readonly { readonly step: Step; readonly id: string }[];
  readonly failed?: { readonly step: Step; readonly error: unknown };
  readonly notDone: readonly Step[];
}

/** Carries out a plan, one step after another. Calls `onDone` after each step that succeeds. */
export async function applyPlan(
  operator: Operator,
  { steps }: Plan,
  onDone: (step: Step, id: string) => void,
): Promise<Outcome> {
  const done: { step: Step; id: string }[] = [];
  for (const [index, step] of steps.entries()) {
    try {
      const id = await performStep(operator, step);
      done.push({ step, id });
      onDone(step, id);
    } catch (error) {
      return { done, failed: { step, error }, notDone: steps.slice(index + 1) };
    }
  }
  return { done, notDone: [] };
}

async function performStep(operator: Operator, step: Step): Promise<string> {
  switch (step.kind) {
    case 'create':
      return (await operator.call(TENANT_OPERATIONS.createTenant, {}, { body: step.document })).body.id;
    case 'change':
      // Send the version that the plan is based on, so that a concurrent change is never overwritten.
      await operator.call(
        TENANT_OPERATIONS.patchTenant,
        { tenantId: step.id },
        { body: step.patch, ifMatch: step.etag },
      );
      return step.id;
    case 'delete':
      await operator.call(TENANT_OPERATIONS.deleteTenant, { tenantId: step.id });
      return step.id;
  }
}
