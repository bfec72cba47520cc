import * as z from 'zod';
import { PROBLEM_REASONS } from './problem.ts';

const FieldFault = z.strictObject({
  pointer: z.string().meta({
    description:
      'The field: a JSON pointer into the body, such as `#/policy/allow/0`, or the name of a query parameter.',
  }),
  detail: z.string().meta({ description: 'Why the field is not valid.' }),
});

export const ProblemSchema = z
  .strictObject({
    type: z.string().meta({ description: '`about:blank`, or `urn:postern:problem:` followed by `reason`.' }),
    title: z.string().meta({ description: 'The kind of problem, in a few words.' }),
    status: z.int().meta({ description: 'The HTTP status.' }),
    detail: z.string().meta({ description: 'The cause of this problem, and what to do about it.' }),
    errors: z.array(FieldFault).optional().meta({ description: 'Every invalid field.' }),
    reason: z
      .enum(PROBLEM_REASONS)
      .optional()
      .meta({ description: 'Distinguishes problems with the same status; also the end of `type`.' }),
    successor: z.string().optional().meta({ description: 'The id of the key that replaces an already rotated one.' }),
  })
  .meta({ id: 'Problem', description: 'Problem details (RFC 9457).' });
