/** A region in one of the forms that the FunctionName pattern of the Invoke API allows (service model of 2026-07). */
export const REGION_PATTERN = /^(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d$/;

/** An AWS partition: the prefix of its regions, and the DNS suffix of its endpoints. */
export interface Partition {
  readonly name: string;
  readonly regionPrefix: RegExp;
  readonly dnsSuffix: string;
}

/** Every AWS partition, as in the AWS SDKs' `partitions.json`. A region belongs to the first partition that matches. */
export const PARTITIONS: readonly Partition[] = [
  { name: 'aws-cn', regionPrefix: /^cn-/, dnsSuffix: 'amazonaws.com.cn' },
  { name: 'aws-us-gov', regionPrefix: /^us-gov-/, dnsSuffix: 'amazonaws.com' },
  { name: 'aws-iso', regionPrefix: /^us-iso-/, dnsSuffix: 'c2s.ic.gov' },
  { name: 'aws-iso-b', regionPrefix: /^us-isob-/, dnsSuffix: 'sc2s.sgov.gov' },
  { name: 'aws-iso-e', regionPrefix: /^eu-isoe-/, dnsSuffix: 'cloud.adc-e.uk' },
  { name: 'aws-iso-f', regionPrefix: /^us-isof-/, dnsSuffix: 'csp.hci.ic.gov' },
  { name: 'aws-eusc', regionPrefix: /^eusc-/, dnsSuffix: 'amazonaws.eu' },
  { name: 'aws', regionPrefix: /^(us|eu|ap|sa|ca|me|af|il|mx)-(?!gov-|iso)/, dnsSuffix: 'amazonaws.com' },
];

/**
 * Returns the partition of a region. Undefined if no known partition has the region.
 * Fails closed: a host is built only from a region that this function knows.
 */
export function partitionOf(region: string): Partition | undefined {
  if (!REGION_PATTERN.test(region)) return undefined;
  return PARTITIONS.find((partition) => partition.regionPrefix.test(region));
}
