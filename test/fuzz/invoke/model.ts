/**
 * What should become of a call, written from API_Invoke and the design alone: it imports nothing of `src`, parses
 * nothing, and knows what each part of a call means because the grammar that wrote it says so.
 */
import { ACCOUNT, type InvocationType, REGION, type Rule, type RuleType, type TenantDocument } from './world.ts';

export type Operation = 'Invoke' | 'InvokeWithResponseStream' | 'InvokeAsync';

/** A part of a call: as it means something, or what is wrong with it. */
export type Part<T> = { readonly value: T } | { readonly faults: readonly string[] };

/** A function as a caller names it. What is absent is left to the gateway. */
export interface Named {
  readonly partition?: string;
  readonly region?: string;
  readonly account?: string;
  readonly name: string;
  readonly qualifier?: string;
}

/** The meaning of a call. */
export interface Meaning {
  readonly tenant: TenantDocument;
  /** Faults of the request line. */
  readonly route: readonly string[];
  /** Faults of the credentials; any of them may be what is said. */
  readonly identity: readonly string[];
  /** Seconds that a presigned request may live. */
  readonly presignedSeconds?: number;
  readonly operation: Operation;
  readonly function: Part<Named>;
  readonly qualifier: Part<string | undefined>;
  readonly query: readonly string[];
  readonly invocationType: Part<InvocationType | undefined>;
  readonly logType: Part<'None' | 'Tail' | undefined>;
  readonly clientContext: Part<string | undefined>;
  readonly tenantId: Part<string | undefined>;
  readonly durableName: Part<string | undefined>;
  readonly contentType: readonly string[];
  readonly payload: { readonly bytes: Buffer; readonly faults: readonly string[] };
}

/** What reaches Lambda. */
export interface Expected {
  readonly path: string;
  /** The arguments among the headers, all of them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: Buffer;
}

export type Verdict =
  | { readonly forwarded: true; readonly expected: Expected }
  /** One of these reasons is given. */
  | { readonly forwarded: false; readonly reasons: ReadonlySet<string> };

const SYNC_BYTES = 6_291_456;
const EVENT_BYTES = 1_048_576;
const ASYNC_BYTES = 262_144;

const faultsOf = <T>(part: Part<T>): readonly string[] => ('faults' in part ? part.faults : []);
const valueIn = <T>(part: Part<T>): T | undefined => ('value' in part ? part.value : undefined);

const PARTITIONS: readonly (readonly [string, string])[] = [
  ['cn-', 'aws-cn'],
  ['us-gov-', 'aws-us-gov'],
];
const partitionOf = (region: string) => PARTITIONS.find(([prefix]) => region.startsWith(prefix))?.[1] ?? 'aws';

interface Target {
  readonly partition: string;
  readonly region: string;
  readonly account: string;
  readonly name: string;
}

const namePattern = (text: string) =>
  new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll('\\*', '.*')}$`);

/** Whether a rule means a function; a bare name means it at home (allow), or anywhere (deny). */
function means(pattern: string, target: Target, list: 'allow' | 'deny'): boolean {
  if (!pattern.startsWith('arn:')) {
    const isHome = target.account === ACCOUNT && target.region === REGION;
    return (list === 'deny' || isHome) && namePattern(pattern).test(target.name);
  }
  const [, partition, , region, account, , name = ''] = pattern.split(':');
  const samePlace = partition === target.partition && region === target.region && account === target.account;
  return samePlace && namePattern(name).test(target.name);
}

/** Reasons for which no rule of `allow` lets the call through; none when one does. */
function refusedByAll(
  rules: readonly Rule[],
  target: Target,
  meaning: Meaning,
  qualifier: string | undefined,
  type: RuleType,
): Set<string> {
  const reasons = new Set<string>();
  for (const rule of rules) {
    if (!means(rule.function, target, 'allow')) continue;
    const against: string[] = [];
    if (rule.qualifiers && !rule.qualifiers.includes(qualifier ?? '$LATEST')) against.push('qualifier-not-allowed');
    if (rule.types && !rule.types.includes(type)) against.push('type-not-allowed');
    if (valueIn(meaning.logType) === 'Tail' && !rule.logTail) against.push('log-tail-not-allowed');
    if (valueIn(meaning.clientContext) !== undefined && rule.clientContext === false)
      against.push('client-context-not-allowed');
    if (valueIn(meaning.tenantId) !== undefined && rule.tenantId !== 'caller') against.push('tenant-id-not-allowed');
    if (valueIn(meaning.durableName) !== undefined && rule.durableNames === undefined)
      against.push('durable-names-not-allowed');
    const size = meaning.payload.bytes.length;
    if (against.length === 0 && size > (rule.maxPayloadBytes ?? Number.POSITIVE_INFINITY))
      against.push('payload-too-large');
    if (against.length === 0) return new Set();
    for (const reason of against) reasons.add(reason);
  }
  return reasons.size > 0 ? reasons : new Set(['function-not-allowed']);
}

export function judge(meaning: Meaning): Verdict {
  const { operation, tenant, payload } = meaning;
  const refused = (reasons: Iterable<string>): Verdict => ({ forwarded: false, reasons: new Set(reasons) });
  if (meaning.route.length > 0) return refused(meaning.route);

  const invocationType = operation === 'InvokeAsync' ? 'Event' : (valueIn(meaning.invocationType) ?? 'RequestResponse');
  const operationBytes =
    operation === 'InvokeAsync' ? ASYNC_BYTES : invocationType === 'Event' ? EVENT_BYTES : SYNC_BYTES;
  const tooLarge = payload.bytes.length > operationBytes ? ['payload-too-large'] : [];
  if (meaning.identity.length > 0) return refused([...meaning.identity, ...tooLarge]);

  // From here on the caller is known, and any of what is wrong may be named.
  const reasons = new Set<string>(tooLarge);
  if (tenant.status === 'suspended') return refused(['tenant-suspended', ...tooLarge]);
  const { maxPresignedSeconds } = tenant.policy;
  if (
    meaning.presignedSeconds !== undefined &&
    maxPresignedSeconds !== undefined &&
    meaning.presignedSeconds > maxPresignedSeconds
  ) {
    reasons.add('presigned-too-long');
  }
  for (const part of [
    meaning.function,
    meaning.qualifier,
    meaning.invocationType,
    meaning.logType,
    meaning.clientContext,
    meaning.tenantId,
    meaning.durableName,
  ]) {
    for (const fault of faultsOf<unknown>(part)) reasons.add(fault);
  }
  for (const fault of [...meaning.query, ...payload.faults]) reasons.add(fault);
  if (payload.bytes.length > 0) for (const fault of meaning.contentType) reasons.add(fault);
  if (operation === 'InvokeWithResponseStream' && invocationType === 'Event') reasons.add('invocation-type');
  if (payload.bytes.length > (tenant.limits?.maxPayloadBytes ?? Number.POSITIVE_INFINITY))
    reasons.add('payload-too-large');

  const named = valueIn(meaning.function);
  if (!named) return refused(reasons);
  const inParameter = valueIn(meaning.qualifier);
  if (named.qualifier !== undefined && inParameter !== undefined && named.qualifier !== inParameter)
    reasons.add('qualifier-mismatch');
  const given = named.qualifier ?? inParameter;

  const isBare = named.account === undefined && named.region === undefined && named.partition === undefined;
  const published = isBare ? tenant.policy.publish?.[named.name] : undefined;
  let meant: Named = { ...named, ...(given !== undefined && { qualifier: given }) };
  if (published !== undefined) {
    const [, partition, , region, account, , name, own] = published.startsWith('arn:') ? published.split(':') : [];
    if (own !== undefined && given !== undefined && own !== given) reasons.add('qualifier-mismatch');
    const qualifier = own ?? given;
    meant = {
      ...(partition !== undefined && region !== undefined && account !== undefined && { partition, region, account }),
      name: name ?? published,
      ...(qualifier !== undefined && { qualifier }),
    };
  }
  const region = meant.region ?? REGION;
  const target: Target = {
    partition: partitionOf(region),
    region,
    account: meant.account ?? ACCOUNT,
    name: meant.name,
  };
  if (meant.partition !== undefined && meant.partition !== target.partition) {
    reasons.add('function-not-allowed');
    return refused(reasons);
  }
  const type: RuleType =
    operation === 'InvokeWithResponseStream' && invocationType !== 'DryRun' ? 'ResponseStream' : invocationType;
  const { qualifier } = meant;
  const isDenied = (tenant.policy.deny ?? []).some(
    (rule) =>
      means(rule.function, target, 'deny') &&
      (rule.qualifiers?.includes(qualifier ?? '$LATEST') ?? true) &&
      (rule.types?.includes(type) ?? true),
  );
  if (isDenied) reasons.add('function-denied');
  for (const reason of refusedByAll(tenant.policy.allow, target, meaning, qualifier, type)) reasons.add(reason);
  if (reasons.size > 0) return refused(reasons);

  const label = `arn:${target.partition}:lambda:${region}:${target.account}:function:${target.name}${qualifier === undefined ? '' : `:${qualifier}`}`;
  const encoded = encodeURIComponent(label);
  const logType = valueIn(meaning.logType);
  const clientContext = valueIn(meaning.clientContext);
  const durableName = valueIn(meaning.durableName);
  const tenantId = tenant.upstream?.tenantId ?? valueIn(meaning.tenantId);
  return {
    forwarded: true,
    expected: {
      path:
        operation === 'InvokeWithResponseStream'
          ? `/2021-11-15/functions/${encoded}/response-streaming-invocations`
          : `/2015-03-31/functions/${encoded}/invocations`,
      headers: {
        'content-type': 'application/json',
        'x-amz-invocation-type': invocationType,
        ...(logType === 'Tail' && { 'x-amz-log-type': 'Tail' }),
        ...(clientContext !== undefined && { 'x-amz-client-context': clientContext }),
        ...(tenantId !== undefined && { 'x-amz-tenant-id': tenantId }),
        ...(durableName !== undefined && { 'x-amz-durable-execution-name': durableName }),
      },
      payload: payload.bytes,
    },
  };
}
