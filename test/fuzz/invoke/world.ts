/**
 * The world that the fuzzer's calls are made in: tenants with fixed policies. Gateway and model both start from these
 * documents, and share nothing else.
 */

export const ACCOUNT = '123456789012';
export const REGION = 'us-east-1';
export const STRANGER = '999999999999';

export type InvocationType = 'RequestResponse' | 'Event' | 'DryRun';
export type RuleType = InvocationType | 'ResponseStream';

export interface Rule {
  readonly function: string;
  readonly qualifiers?: readonly string[];
  readonly types?: readonly RuleType[];
  readonly logTail?: boolean;
  readonly clientContext?: boolean;
  readonly tenantId?: 'caller';
  readonly maxPayloadBytes?: number;
  readonly durableNames?: 'shared';
}

export interface TenantDocument {
  readonly name: string;
  readonly status?: 'suspended';
  readonly policy: {
    readonly allow: readonly Rule[];
    readonly deny?: readonly Pick<Rule, 'function' | 'qualifiers' | 'types'>[];
    readonly publish?: Readonly<Record<string, string>>;
    readonly maxPresignedSeconds?: number;
  };
  readonly limits?: { readonly maxPayloadBytes?: number };
  readonly upstream?: { readonly tenantId?: string };
}

const arn = (name: string, region = REGION, account = ACCOUNT) =>
  `arn:aws:lambda:${region}:${account}:function:${name}`;

export const TENANTS = {
  open: {
    name: 'open',
    policy: { allow: [{ function: '*', logTail: true, tenantId: 'caller', durableNames: 'shared' }] },
  },
  narrow: {
    name: 'narrow',
    policy: {
      allow: [
        {
          function: 'identity',
          qualifiers: ['live', '$LATEST'],
          types: ['RequestResponse', 'Event'],
        },
        { function: 'orders-*', qualifiers: ['live', '1'] },
        { function: 'echo', types: ['DryRun', 'ResponseStream'], logTail: true, clientContext: false },
      ],
      deny: [{ function: 'orders-put', types: ['Event'] }, { function: '*-secret' }],
    },
    upstream: { tenantId: 'acme' },
  },
  published: {
    name: 'published',
    policy: {
      allow: [{ function: 'identity', qualifiers: ['live'] }, { function: 'echo' }],
      publish: { shop: `${arn('identity')}:live`, mirror: 'echo' },
    },
  },
  places: {
    name: 'places',
    policy: {
      allow: [
        { function: arn('x-*', 'eu-west-1') },
        { function: arn('x-*', REGION, STRANGER) },
        { function: 'identity', logTail: true },
      ],
      deny: [{ function: 'x-secret' }, { function: arn('x-get', 'eu-west-1'), types: ['DryRun'] }],
      maxPresignedSeconds: 60,
    },
  },
  small: {
    name: 'small',
    policy: { allow: [{ function: 'echo', maxPayloadBytes: 40 }, { function: 'identity' }] },
    limits: { maxPayloadBytes: 120 },
  },
  suspended: { name: 'suspended', status: 'suspended', policy: { allow: [{ function: '*' }] } },
} as const satisfies Record<string, TenantDocument>;

export type TenantName = keyof typeof TENANTS;
