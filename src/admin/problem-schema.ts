import * as z from 'zod';
import { PROBLEM_REASONS } from './problem.ts';

export const ProblemSchema = z
  .strictObject({
    type: z.string().meta({ description: '`about:blank`, or `urn:postern:problem:` followed by `reason`.' }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    errors: z.array(z.strictObject({ pointer: z.string(), detail: z.string() })).optional(),
    reason: z
      .enum(PROBLEM_REASONS)
      .optional()
      .meta({ description: 'Distinguishes problems with the same status; also the end of `type`.' }),
    successor: z.string().optional().meta({ description: 'The key that replaces one that was already rotated.' }),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details.' });
