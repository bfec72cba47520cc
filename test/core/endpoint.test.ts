import { LambdaClient } from '@aws-sdk/client-lambda';
import { describe, expect, it } from 'vitest';
import { PARTITIONS } from '../../src/core/invoke/region.ts';
import { lambdaEndpoint } from '../../src/upstream/endpoint.ts';

/** A region or more of every partition. */
const REGIONS = [
  'us-east-1',
  'eu-west-1',
  'ap-southeast-4',
  'mx-central-1',
  'il-central-1',
  'cn-north-1',
  'cn-northwest-1',
  'us-gov-west-1',
  'us-iso-east-1',
  'us-isob-east-1',
  'eu-isoe-west-1',
  'us-isof-south-1',
  'eusc-de-east-1',
];

describe('lambdaEndpoint', () => {
  it.each(REGIONS)("agrees with the AWS SDK's own endpoint rules on %s", (region) => {
    const { url } = new LambdaClient({ region }).config.endpointProvider({
      Region: region,
      UseDualStack: false,
      UseFIPS: false,
    });
    expect(`${lambdaEndpoint(region, undefined)}/`).toBe(url.href);
  });

  it('is tried for every partition', () => {
    const untried = PARTITIONS.filter(({ regionPrefix }) => !REGIONS.some((region) => regionPrefix.test(region)));
    expect(untried).toEqual([]);
  });

  it('takes the override, and builds no host from what is no region', () => {
    expect(lambdaEndpoint('us-east-1', 'http://127.0.0.1:9001')).toBe('http://127.0.0.1:9001');
    for (const region of ['us-isoz-east-1', 'eu-west-1.evil.example', '', 'xx-west-1']) {
      expect(() => lambdaEndpoint(region, undefined)).toThrow('no endpoint is known');
    }
  });
});
