import { partitionOf } from '../core/invoke/region.ts';

/**
 * Returns the origin of Lambda's API in a region: `override` if it is set, otherwise the endpoint of the region in its
 * partition (`lambda.<region>.<dns suffix>`, AWS General Reference, Lambda endpoints).
 *
 * @throws if the region has no known partition, so that no host is ever built from an unknown region. `decideCall`
 * refuses calls to unknown regions first.
 */
export function lambdaEndpoint(region: string, override: string | undefined): string {
  const partition = partitionOf(region);
  if (!partition) throw new Error(`no endpoint is known for region ${JSON.stringify(region)}`);
  return override ?? `https://lambda.${region}.${partition.dnsSuffix}`;
}
