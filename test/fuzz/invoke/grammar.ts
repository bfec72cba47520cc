import fc from 'fast-check';
import type { Named, Operation, Part } from './model.ts';
import { ACCOUNT, type InvocationType, STRANGER, TENANTS, type TenantName } from './world.ts';

/** How a caller shows who it is; the last group is no proof of anything. */
export const CREDENTIALS = [
  'api-key',
  'bearer',
  'signed',
  'presigned',
  'none',
  'both',
  'mistyped',
  'malformed',
  'revoked',
  'wrong-secret',
  'body-changed',
  'argument-changed',
  'argument-added',
  'path-changed',
  'query-changed',
  'expired',
  'wrong-service',
  'unknown-region',
] as const;
export type Credential = (typeof CREDENTIALS)[number];

/** One argument as it goes on the wire, and what it means. */
export interface Written<T> {
  readonly wire: string | undefined;
  readonly means: Part<T>;
}

/** A call before it is signed and sent. Plain data, so that a shrunk one can be read. */
export interface Plan {
  readonly tenant: TenantName;
  readonly credential: Credential;
  readonly method: string;
  readonly path: { readonly prefix: string; readonly suffix: string; readonly fault?: string };
  readonly operation: Operation;
  readonly function: Written<Named> & { readonly wire: string };
  readonly qualifier: Written<string | undefined>;
  /** More of the query, as it goes on the wire. */
  readonly moreQuery: { readonly wire: string; readonly faults: readonly string[] };
  readonly invocationType: Written<InvocationType | undefined>;
  readonly logType: Written<'None' | 'Tail' | undefined>;
  readonly clientContext: Written<string | undefined>;
  readonly tenantId: Written<string | undefined>;
  readonly durableName: Written<string | undefined>;
  readonly contentType: { readonly wire: string | undefined; readonly faults: readonly string[] };
  readonly payload: { readonly text: string; readonly repeat: number; readonly faults: readonly string[] };
  readonly noise: readonly (readonly [string, string])[];
  readonly chunked: boolean;
  readonly presignedSeconds: number;
}

const right = <T>(value: T, wire: string | undefined): Written<T> => ({ wire, means: { value } });
const wrong = <T>(fault: string, wire: string): Written<T> => ({ wire, means: { faults: [fault] } });
/** Mostly what is right: else hardly a call would get to Lambda. */
const mostly = <T>(good: fc.Arbitrary<T>, bad: fc.Arbitrary<T>, weight = 30): fc.Arbitrary<T> =>
  fc.oneof({ arbitrary: good, weight }, { arbitrary: bad, weight: 1 });

const NAMES = [
  'identity',
  'identity',
  'identity',
  'echo',
  'echo',
  'orders-get',
  'orders-put',
  'x-get',
  'x-secret',
  'a.b',
  'shop',
  'mirror',
  'nope_1',
];
const QUALIFIERS = ['live', '1', '2', '$LATEST', 'be-ta_2'];
const PLACES = [
  ['aws', 'us-east-1', ACCOUNT],
  ['aws', 'eu-west-1', ACCOUNT],
  ['aws', 'us-east-1', STRANGER],
  ['aws-cn', 'cn-north-1', ACCOUNT],
  ['aws', 'cn-north-1', ACCOUNT],
] as const;

const percentCode = (text: string) => encodeURIComponent(text).replaceAll('%3A', '%3a');
const ENCODINGS: readonly ((text: string) => string)[] = [
  encodeURIComponent,
  percentCode,
  (text) => text.replaceAll('$', '%24'),
  (text) => encodeURIComponent(text).replace(/[a-z]/, (c) => `%${c.charCodeAt(0).toString(16)}`),
];

const goodFunction: fc.Arbitrary<Plan['function']> = fc
  .record({
    name: fc.constantFrom(...NAMES),
    qualifier: fc.option(fc.constantFrom(...QUALIFIERS), { nil: undefined, freq: 3 }),
    form: fc.constantFrom('bare', 'bare', 'bare', 'function', 'account', 'arn', 'arn'),
    place: fc.constantFrom(PLACES[0], PLACES[0], PLACES[0], ...PLACES),
    encode: fc.constantFrom(...ENCODINGS),
  })
  .map(({ name, qualifier, form, place: [partition, region, account], encode }) => {
    const end = `${name}${qualifier === undefined ? '' : `:${qualifier}`}`;
    const own = { name, ...(qualifier !== undefined && { qualifier }) };
    switch (form) {
      case 'arn':
        return {
          wire: encode(`arn:${partition}:lambda:${region}:${account}:function:${end}`),
          means: { value: { partition, region, account, ...own } },
        };
      case 'account':
        return { wire: encode(`${account}:function:${end}`), means: { value: { account, ...own } } };
      case 'function':
        return { wire: encode(`function:${end}`), means: { value: own } };
      default:
        return { wire: encode(end), means: { value: own } };
    }
  });
const badFunction: fc.Arbitrary<Plan['function']> = fc
  .constantFrom(
    'a b',
    'a/b',
    '..',
    '.',
    'é',
    'a:b:c:d',
    `f${'x'.repeat(260)}`,
    'arn:aws:s3:::bucket',
    'f:',
    ':f',
    'a%3Ab',
    '%',
    'f\u0000',
    `arn:aws:lambda:us-east-1:12345:function:f`,
  )
  .map((text) => ({ wire: encodeURIComponent(text), means: { faults: ['function-name'] } }));
const brokenFunction = fc
  .constantFrom('%zz', '%', '%c0%af', 'a%2')
  .map((wire) => ({ wire, means: { faults: ['function-name'] } }));

const header = <T>(good: readonly Written<T | undefined>[], bad: readonly Written<T | undefined>[]) =>
  mostly(
    fc.constantFrom(right<T | undefined>(undefined, undefined), right<T | undefined>(undefined, undefined), ...good),
    fc.constantFrom(...bad),
  );
const base64 = (text: string) => Buffer.from(text).toString('base64');
const twice = <T>(first: string, second = first): Written<T> => wrong('header-repeated', `${first}\n${second}`);

const jsonText = fc
  .tuple(fc.json({ maxDepth: 3 }), fc.constantFrom('', ' ', '\n\t'))
  .map(([text, space]) => ({ text: `${space}${text}${space}`, repeat: 0, faults: [] as string[] }));
const notJson = fc
  .constantFrom(
    '{',
    '{"a":1,}',
    "{'a':1}",
    'NaN',
    '01',
    '"\u0001"',
    '[1 2]',
    'undefined',
    '{"a":1}}',
    '"\\x"',
    'tru',
    '\u00a0{}',
    '-',
    '1.',
    '"a',
  )
  .map((text) => ({ text, repeat: 0, faults: ['payload-not-json'] }));
const long = fc
  .constantFrom(50, 130, 20_000, 262_145, 1_048_577)
  .map((repeat) => ({ text: '', repeat, faults: [] as string[] }));

const goodCredential = fc.constantFrom<Credential>('api-key', 'api-key', 'bearer', 'signed', 'signed', 'presigned');
const badCredential = fc.constantFrom(...CREDENTIALS.slice(4));

const OPERATIONS: readonly (readonly [Operation, string, string])[] = [
  ['Invoke', '/2015-03-31/functions/', '/invocations'],
  ['Invoke', '/2015-03-31/functions/', '/invocations'],
  ['InvokeWithResponseStream', '/2021-11-15/functions/', '/response-streaming-invocations'],
  ['InvokeAsync', '/2014-11-13/functions/', '/invoke-async'],
  ['InvokeAsync', '/2014-11-13/functions/', '/invoke-async/'],
];
const LOST_PATHS: readonly (readonly [string, string])[] = [
  ['/2015-03-31/functions/', '/invocation'],
  ['/2015-03-31/functions/', '/invocations/'],
  ['/2015-03-32/functions/', '/invocations'],
  ['//2015-03-31/functions/', '/invocations'],
  ['/base/2015-03-31/functions/', '/invocations'],
  ['/2021-11-15/functions/', '/invocations'],
  ['/2015-03-31/functions/x/', '/invocations'],
];
type PathPlan = Pick<Plan, 'operation' | 'path'>;
const path: fc.Arbitrary<PathPlan> = mostly(
  fc
    .constantFrom(...OPERATIONS)
    .map(([operation, prefix, suffix]): PathPlan => ({ operation, path: { prefix, suffix } })),
  fc
    .constantFrom(...LOST_PATHS)
    .map(([prefix, suffix]): PathPlan => ({ operation: 'Invoke', path: { prefix, suffix, fault: 'unknown-path' } })),
  40,
);

const NOISE: readonly (readonly [string, string])[] = [
  ['cookie', 'session=1'],
  ['x-custom', 'hello'],
  ['accept', 'application/json'],
  ['x-amz-meta-a', 'b'],
  ['x-postern-refusal', 'forged'],
  ['x-amzn-requestid', '00000000-0000-0000-0000-000000000000'],
  ['user-agent', 'fuzz/1'],
  ['accept-encoding', 'gzip'],
  ['x-lambda-endpoint', 'http://127.0.0.1:9'],
  ['te', 'trailers'],
];

/** Calls of every shape, about half of them without a fault. */
export const plans: fc.Arbitrary<Plan> = fc
  .record({
    tenant: fc.constantFrom<TenantName>(
      'open',
      'open',
      'open',
      'open',
      'open',
      'open',
      'narrow',
      'published',
      'places',
      'small',
      ...(Object.keys(TENANTS) as TenantName[]),
    ),
    credential: mostly(goodCredential, badCredential, 10),
    method: mostly(fc.constant('POST'), fc.constantFrom('GET', 'PUT', 'DELETE', 'PATCH'), 60),
    at: path,
    function: mostly(goodFunction, fc.oneof(badFunction, brokenFunction)),
    qualifier: fc.oneof(
      { weight: 20, arbitrary: fc.constant(right<string | undefined>(undefined, undefined)) },
      {
        weight: 4,
        arbitrary: fc
          .constantFrom(...QUALIFIERS)
          .map((q): Written<string | undefined> => right(q, `Qualifier=${encodeURIComponent(q)}`)),
      },
      {
        weight: 1,
        arbitrary: fc.constantFrom<Written<string | undefined>>(
          right(undefined, 'Qualifier='),
          wrong('qualifier', 'Qualifier=a%20b'),
          wrong('qualifier', `Qualifier=${'q'.repeat(129)}`),
          wrong('qualifier', 'Qualifier=%C3%A9'),
          wrong('parameter-repeated', 'Qualifier=live&Qualifier=live'),
        ),
      },
    ),
    moreQuery: fc.constantFrom(
      ...Array.from({ length: 30 }, () => ({ wire: '', faults: [] as string[] })),
      { wire: 'x=1&y', faults: [] },
      { wire: 'a=%zz', faults: ['query-malformed'] },
    ),
    invocationType: header<InvocationType>(
      (['RequestResponse', 'Event', 'DryRun'] as const).map((type) => right(type, type)),
      [wrong('invocation-type', 'event'), wrong('invocation-type', 'Async'), twice('Event')],
    ),
    logType: header<'None' | 'Tail'>(
      (['None', 'Tail'] as const).map((type) => right(type, type)),
      [wrong('log-type', 'tail'), twice('Tail')],
    ),
    clientContext: header<string>(
      ['{}', '{"custom":{"a":"b"}}'].map((text) => right(base64(text), base64(text))),
      [
        wrong('client-context', '!!!'),
        wrong('client-context', base64('[]')),
        wrong('client-context', base64('{')),
        wrong('client-context-too-long', base64(`{"a":"${'x'.repeat(2_700)}"}`)),
      ],
    ),
    tenantId: header<string>(
      ['blue', 'a b/c=1'].map((id) => right(id, id)),
      [wrong('tenant-id', 'a;b'), wrong('tenant-id', 't'.repeat(257)), twice('blue', 'red')],
    ),
    durableName: header<string>(
      [],
      [
        right('run-1', 'run-1'),
        wrong('durable-execution-name', 'a.b'),
        wrong('durable-execution-name', 'd'.repeat(65)),
      ],
    ),
    contentType: mostly(
      fc
        .constantFrom(
          undefined,
          'application/json',
          'application/json; charset=utf-8',
          'application/octet-stream',
          'application/cloudevents+json',
        )
        .map((wire): Plan['contentType'] => ({ wire, faults: [] })),
      fc
        .constantFrom(
          'text/plain',
          'application/x-www-form-urlencoded',
          'application/json; charset=latin1',
          'application/xml',
        )
        .map((wire): Plan['contentType'] => ({ wire, faults: ['content-type'] })),
    ),
    payload: fc.oneof(
      { weight: 12, arbitrary: jsonText },
      { weight: 3, arbitrary: fc.constant({ text: '', repeat: 0, faults: [] as string[] }) },
      { weight: 1, arbitrary: long },
      { weight: 1, arbitrary: notJson },
    ),
    noise: fc.subarray([...NOISE], { maxLength: 3 }),
    chunked: fc.boolean(),
    presignedSeconds: fc.constantFrom(30, 60, 300, 900),
  })
  .map(({ at, ...plan }) => ({ ...plan, ...at }));
