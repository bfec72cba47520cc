import * as z from 'zod';
import { partitionOf } from '../core/invoke/region.ts';

/** Where a tenant's calls go. */
export const Upstream = z
  .strictObject({
    destination: z.literal('default').optional().meta({
      description:
        'The AWS account of the functions. Only `default` exists: the account in the settings of the gateway.',
    }),
    region: z
      .string()
      .refine((region) => partitionOf(region) !== undefined, 'must be an AWS region, such as eu-west-1')
      .optional()
      .meta({
        examples: ['eu-west-1'],
        description: 'The AWS region of the functions. Default: the region of the gateway.',
      }),
    tenantId: z
      .string()
      .regex(/^[a-zA-Z0-9._:/=+\-@ ]{1,256}$/, 'must be 1 to 256 letters, digits, spaces and . _ : / = + - @')
      .optional()
      .meta({ description: "Sent as X-Amz-Tenant-Id on every call, in place of the caller's." }),
  })
  .meta({ id: 'Upstream', description: 'The functions that a tenant calls.' });
