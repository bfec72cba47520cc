import * as z from 'zod';
import { INVOCATION_TYPES, LOG_TYPES } from '../../core/invoke/types.ts';
import { MAX_PRESIGNED_SECONDS } from '../../core/signature/claim.ts';

export const ExplainCall = z
  .strictObject({
    function: z
      .string()
      .min(1)
      .meta({ description: 'As a caller would name it.', examples: ['orders:live'] }),
    operation: z.enum(['Invoke', 'InvokeWithResponseStream', 'InvokeAsync']).default('Invoke'),
    qualifier: z.string().optional(),
    type: z.enum(INVOCATION_TYPES).optional(),
    logType: z.enum(LOG_TYPES).optional(),
    clientContext: z.boolean().default(false).meta({ description: 'The call has one.' }),
    tenantId: z.string().optional(),
    durableExecutionName: z.string().optional(),
    payloadBytes: z.int().min(0).default(0),
    ip: z
      .union([z.ipv4(), z.ipv6()], 'must be an IPv4 or IPv6 address')
      .optional()
      .meta({ description: 'Where it comes from. Absent: an address that is allowed.' }),
    origin: z
      .string()
      .optional()
      .meta({ description: 'The origin of the web page that calls. Absent: a program calls.' }),
    keyId: z.string().optional().meta({ description: 'The id of the key used. Absent: any live key.' }),
    presignedSeconds: z
      .int()
      .min(1)
      .max(MAX_PRESIGNED_SECONDS)
      .optional()
      .meta({ description: 'The `X-Amz-Expires` of a presigned call, in seconds. Absent: not presigned.' }),
  })
  .meta({ id: 'ExplainCall', description: 'A call as it might be made.' });

export const Explanation = z
  .strictObject({
    allowed: z.boolean(),
    reason: z.string().nullable().meta({ description: 'The `x-postern-refusal` that it would get.' }),
    message: z.string().nullable(),
    rule: z
      .strictObject({ list: z.enum(['allow', 'deny']), index: z.int() })
      .nullable()
      .meta({ description: 'The rule that decided; of a refusal, the nearest. Null: no rule is about this function.' }),
    target: z
      .string()
      .nullable()
      .meta({ description: 'The function that the call names, whether it may be called or not.' }),
    conditions: z.array(z.string()).meta({ description: 'What the answer assumes because the request left it out.' }),
  })
  .meta({ id: 'Explanation' });
export type Explanation = z.output<typeof Explanation>;
