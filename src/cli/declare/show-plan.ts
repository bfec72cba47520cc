import type { FieldChange } from '../../document/changes.ts';
import { toPointer } from '../../document/field-faults.ts';
import type { Json } from '../../document/json.ts';
import { paint } from '../terminal/paint.ts';
import type { Plan, Step } from './plan.ts';

const json = (value: Json | undefined): string => (value === undefined ? '(nothing)' : JSON.stringify(value));

export const showChange = ({ path, from, to }: FieldChange): string =>
  `    ${toPointer(path)}: ${paint('red', json(from))} -> ${paint('green', json(to))}`;

/** Formats a step as one line, for the plan and for its outcome. */
export function showStep(step: Step): string {
  switch (step.kind) {
    case 'create':
      return paint('green', `+ create ${step.name}`);
    case 'change':
      return paint('yellow', `~ change ${step.name} (${step.id})`);
    case 'delete':
      return paint('red', `- delete ${step.name} (${step.id}), with all its keys`);
  }
}

function showDetail(step: Step): string[] {
  switch (step.kind) {
    case 'create':
      return Object.entries(step.document).flatMap(([name, to]) =>
        name === 'name' || json(to) === '{}' ? [] : `    ${toPointer([name])}: ${paint('green', json(to))}`,
      );
    case 'change':
      return step.changes.map(showChange);
    case 'delete':
      return [];
  }
}

/** Formats a plan for people to read before it is carried out. */
export function showPlan({ steps, unchanged, unlisted }: Plan): string {
  const count = (kind: Step['kind']) => steps.filter((step) => step.kind === kind).length;
  return [
    ...steps.flatMap((step) => [showStep(step), ...showDetail(step), '']),
    ...unlisted.map(({ id, name }) => `? ${name} (${id}) is not in the file and stays as it is`),
    ...(unlisted.length > 0 ? [''] : []),
    `${count('create')} to create, ${count('change')} to change, ${count('delete')} to delete, ${unchanged} unchanged, ${unlisted.length} not in the file`,
  ].join('\n');
}
