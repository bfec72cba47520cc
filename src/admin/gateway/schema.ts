import * as z from 'zod';

export const GatewayDescription = z
  .strictObject({
    version: z.string().meta({ description: 'The release that the gateway runs.', examples: ['0.1.0'] }),
    gatewayId: z.string().meta({
      description: 'The id of the gateway. It is created once and kept with the state. Upgrades do not change it.',
      examples: ['g1_abcdefghijklmnop'],
    }),
  })
  .meta({ id: 'Gateway', description: 'The gateway.' });
