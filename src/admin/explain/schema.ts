import * as z from 'zod';
import { INVOCATION_TYPES, LOG_TYPES } from '../../core/invoke/types.ts';
import { MAX_PRESIGNED_SECONDS } from '../../core/signature/claim.ts';

export const ExplainCall = z
  .strictObject({
    function: z
      .string()
      .min(1)
      .meta({ description: 'The function, as a caller would name it.', examples: ['orders:live'] }),
    operation: z
      .enum(['Invoke', 'InvokeWithResponseStream', 'InvokeAsync'])
      .default('Invoke')
      .meta({ description: 'The operation of the Lambda API.' }),
    qualifier: z.string().optional().meta({ description: 'The `Qualifier`: a version or an alias. Absent: none.' }),
    type: z.enum(INVOCATION_TYPES).optional().meta({ description: 'The `X-Amz-Invocation-Type`. Absent: none.' }),
    logType: z.enum(LOG_TYPES).optional().meta({ description: 'The `X-Amz-Log-Type`. Absent: none.' }),
    clientContext: z.boolean().default(false).meta({ description: 'True if the call has an `X-Amz-Client-Context`.' }),
    tenantId: z.string().optional().meta({ description: 'The `X-Amz-Tenant-Id`. Absent: none.' }),
    durableExecutionName: z
      .string()
      .optional()
      .meta({ description: 'The `X-Amz-Durable-Execution-Name`. Absent: none.' }),
    payloadBytes: z.int().min(0).default(0).meta({ description: 'The size of the payload in bytes.' }),
    ip: z
      .union([z.ipv4(), z.ipv6()], 'must be an IPv4 or IPv6 address')
      .optional()
      .meta({ description: 'The address that the call comes from. Absent: an allowed one.' }),
    origin: z
      .string()
      .optional()
      .meta({ description: 'The origin of the web page that makes the call. Absent: a program makes it.' }),
    keyId: z
      .string()
      .optional()
      .meta({ description: 'The id of the key that the call uses. Absent: any live key, or a valid token.' }),
    presignedSeconds: z
      .int()
      .min(1)
      .max(MAX_PRESIGNED_SECONDS)
      .optional()
      .meta({ description: 'The `X-Amz-Expires` of a presigned call, in seconds. Absent: not presigned.' }),
  })
  .meta({ id: 'ExplainCall', description: 'A call to explain.' });

export const Explanation = z
  .strictObject({
    allowed: z.boolean().meta({ description: 'True if Postern would forward the call.' }),
    reason: z
      .string()
      .nullable()
      .meta({ description: 'The `x-postern-refusal` of the answer. Null: the call is allowed.' }),
    message: z.string().nullable().meta({ description: 'The message of the answer. Null: the call is allowed.' }),
    rule: z
      .strictObject({
        list: z.enum(['allow', 'deny']).meta({ description: 'The list of the policy.' }),
        index: z.int().meta({ description: 'The place of the rule in its list, from 0.' }),
      })
      .nullable()
      .meta({
        description:
          'The rule that decides. For a refusal: the closest rule. Null: no rule matches the function, or something else refuses.',
      }),
    target: z
      .string()
      .nullable()
      .meta({ description: 'The ARN of the function that the call names, allowed or not. Null: it names none.' }),
    conditions: z.array(z.string()).meta({ description: 'Assumptions about what the request left out.' }),
    warnings: z.array(z.string()).meta({
      description: 'Unsafe settings of the tenant, whatever the call is. Each warning begins with a JSON pointer.',
    }),
  })
  .meta({ id: 'Explanation', description: 'The outcome of a call.' });
export type Explanation = z.output<typeof Explanation>;
