/** Builds a function's ARN, with the qualifier if there is one. */
export function functionArn(region: string, accountId: string, name: string, qualifier?: string): string {
  const arn = `arn:${partitionOf(region)}:lambda:${region}:${accountId}:function:${name}`;
  return qualifier === undefined ? arn : `${arn}:${qualifier}`;
}

/** The AWS partitions other than `aws`, by the prefix of their region names. */
const partitions: readonly [prefix: string, partition: string][] = [
  ['cn-', 'aws-cn'],
  ['us-gov-', 'aws-us-gov'],
  ['eusc-', 'aws-eusc'],
];

function partitionOf(region: string): string {
  return partitions.find(([prefix]) => region.startsWith(prefix))?.[1] ?? 'aws';
}
