import { partitionOf } from '../core/invoke/region.ts';

/**
 * The origin of Lambda's API in a region: the override, else the region's own endpoint in its partition
 * (`lambda.<region>.<dns suffix>`, AWS General Reference, Lambda endpoints).
 *
 * @throws for a region of no known partition: a host is never built from one. `authorize` lets none through.
 */
export function lambdaEndpoint(region: string, override: string | undefined): string {
  const partition = partitionOf(region);
  if (!partition) throw new Error(`no endpoint is known for region ${JSON.stringify(region)}`);
  return override ?? `https://lambda.${region}.${partition.dnsSuffix}`;
}
