import { decodePercent, findParameter, type QueryParameters } from '../query.ts';
import { type Refusal, refuse } from '../refusal.ts';
import { err, ok, type Result } from '../result.ts';
import { isClientContext } from './client-context.ts';
import { isAcceptedContentType } from './content-type.ts';
import { type FunctionName, isOnlyDots, parseFunctionName } from './function-name.ts';
import { INVOKE_LIMITS } from './limits.ts';
import { parseQualifier } from './qualifier.ts';
import { readTraceId } from './trace-id.ts';
import {
  INVOCATION_TYPES,
  type InvocationType,
  isInvocationType,
  LOG_TYPES,
  type LogType,
  type Operation,
  STREAMED_INVOCATION_TYPES,
} from './types.ts';

/** The arguments of one call, all valid. */
export interface InvokeArguments {
  readonly operation: Operation;
  /** The function, with the qualifier from the name or the query. The qualifier is absent if the caller gave none. */
  readonly function: FunctionName;
  /** The FunctionName as the caller wrote it, percent-decoded. For messages to that caller only. */
  readonly givenName: string;
  readonly invocationType: InvocationType;
  readonly logType: LogType;
  /** Base64 of a JSON object, as the caller sent it. */
  readonly clientContext?: string;
  readonly tenantId?: string;
  readonly durableExecutionName?: string;
  /** The call's trace, in X-Ray's form. */
  readonly traceId?: string;
  /** The Content-Type as the caller sent it. `checkPayloadType` checks it together with the payload. */
  readonly contentType?: string;
}

/** The parts of a request that contain the arguments. */
export interface ArgumentSource {
  readonly operation: Operation;
  /** The function name as received, still percent-encoded. */
  readonly rawFunctionName: string;
  /** Undefined if the query's encoding is broken. */
  readonly query: QueryParameters | undefined;
  /** Returns a header's value by its name in lower case. The values of a repeated header are joined with commas. */
  readonly header: (name: string) => string | undefined;
  /** Maximum length of a whole FunctionName, in characters. */
  readonly maxFunctionNameLength: number;
}

const ONE_FAULT = /^1 validation error detected: /;
/** The patterns of TenantId and DurableExecutionName in the Lambda service model. */
const TENANT_ID = /^[a-zA-Z0-9._:/=+\-@ ]+$/;
const DURABLE_EXECUTION_NAME = /^[a-zA-Z0-9\-_]+$/;

/** Returns the maximum length of a call's payload, in bytes. */
export function maxPayloadBytes(operation: Operation, type: InvocationType): number {
  if (operation === 'InvokeAsync') return INVOKE_LIMITS.maxInvokeAsyncPayloadBytes;
  return type === 'Event' ? INVOKE_LIMITS.maxEventPayloadBytes : INVOKE_LIMITS.maxSyncPayloadBytes;
}

/** Returns the InvocationType of a request that is not validated yet. An invalid type counts as the default. */
export function presumedInvocationType({
  operation,
  header,
  query,
}: Pick<ArgumentSource, 'operation' | 'header' | 'query'>): InvocationType {
  // InvokeAsync has no InvocationType. AWS replaced that operation with `Event`.
  if (operation === 'InvokeAsync') return 'Event';
  const name = ARGUMENT_HEADERS.invocationType;
  const given = header(name) ?? (query && findParameter(query, name));
  return given !== undefined && isInvocationType(given) ? given : 'RequestResponse';
}

/** Checks the Content-Type of a payload. If the payload is empty, any type is accepted. */
export function checkPayloadType(
  { contentType = '' }: Pick<InvokeArguments, 'contentType'>,
  bytes: number,
): Refusal | undefined {
  if (bytes === 0) return undefined;
  if (contentType.includes(',')) return refuse('header-repeated', ARGUMENT_HEADERS.contentType);
  return isAcceptedContentType(contentType) ? undefined : refuse('content-type', contentType);
}

/** Parses all arguments of an Invoke. The refusal says what is wrong. */
export function parseArguments(source: ArgumentSource): Result<InvokeArguments, Refusal> {
  const { operation, query } = source;
  if (query === undefined) return err(refuse('query-malformed'));
  const given = readNamed(source.header, query);
  if (!given.ok) return given;
  const qualifiers = query.get('Qualifier') ?? [];
  if (qualifiers.length > 1) return err(refuse('parameter-repeated', 'Qualifier'));

  // Check each argument against the service model, and report all faults at once.
  const faults: Refusal[] = [];
  const keep = <T>(parsed: Result<T, Refusal>): T | undefined => {
    if (parsed.ok) return parsed.value;
    faults.push(parsed.error);
    return undefined;
  };
  const name = keep(parseName(source));
  const parameter = keep(parseQualifierParameter(qualifiers[0] ?? ''));
  const { invocationType = 'RequestResponse', logType = 'None', clientContext, tenantId } = given.value;
  const { durableExecutionName, contentType } = given.value;
  const types = operation === 'InvokeWithResponseStream' ? STREAMED_INVOCATION_TYPES : INVOCATION_TYPES;
  const type = keep(oneOf(types, invocationType, () => refuse('invocation-type', invocationType, types)));
  const log = keep(oneOf(LOG_TYPES, logType, () => refuse('log-type', logType)));
  const ofTenantId = findTenantIdFault(tenantId);
  if (ofTenantId) faults.push(ofTenantId);
  const ofDurableName = findDurableExecutionNameFault(durableExecutionName);
  if (ofDurableName) faults.push(ofDurableName);
  const [first] = faults;
  if (first || !name || !type || !log) return err(joinFaults(first ?? refuse('internal'), faults));

  const inName = name.function.qualifier;
  if (inName !== undefined && parameter !== undefined && inName !== parameter) return err(refuse('qualifier-mismatch'));
  if (clientContext !== undefined) {
    if (clientContext.length > INVOKE_LIMITS.maxClientContextBytes) {
      return err(refuse('client-context-too-long', clientContext.length));
    }
    if (!isClientContext(clientContext)) return err(refuse('client-context'));
  }
  const traceId = readTraceId(source.header('x-amzn-trace-id'), source.header('traceparent'));
  return ok({
    operation,
    givenName: name.givenName,
    function: parameter === undefined ? name.function : { ...name.function, qualifier: parameter },
    invocationType: operation === 'InvokeAsync' ? 'Event' : type,
    logType: log,
    ...(clientContext !== undefined && { clientContext }),
    ...(tenantId !== undefined && { tenantId }),
    ...(durableExecutionName !== undefined && { durableExecutionName }),
    ...(traceId !== undefined && { traceId }),
    ...(contentType !== undefined && { contentType }),
  });
}

/** Joins faults as the service does: one message counts and lists them (recorded). The reason is that of the first fault. */
function joinFaults(first: Refusal, faults: readonly Refusal[]): Refusal {
  if (faults.length < 2) return first;
  const sentences = faults.map(({ message }) => message.replace(ONE_FAULT, ''));
  return { ...first, message: `${faults.length} validation errors detected: ${sentences.join('; ')}` };
}

const oneOf = <T extends string>(values: readonly T[], value: string, otherwise: () => Refusal): Result<T, Refusal> => {
  const found = values.find((one) => one === value);
  return found === undefined ? err(otherwise()) : ok(found);
};

/** Parses the name of the function from the path. */
function parseName(source: ArgumentSource): Result<Pick<InvokeArguments, 'function' | 'givenName'>, Refusal> {
  const givenName = decodePercent(source.rawFunctionName);
  if (givenName === undefined) return err(refuse('function-name', source.rawFunctionName, { kind: 'pattern' }));
  const name = parseFunctionName(givenName, source.maxFunctionNameLength);
  if (!name.ok) return err(refuse('function-name', givenName, name.error));
  if (isOnlyDots(name.value.name)) return err(refuse('function-name', givenName, { kind: 'dots' }));
  return ok({ givenName, function: name.value });
}

function parseQualifierParameter(value: string): Result<string | undefined, Refusal> {
  const qualifier = parseQualifier(value);
  return qualifier.ok ? qualifier : err(refuse('qualifier', value, qualifier.error));
}

function findTenantIdFault(value: string | undefined): Refusal | undefined {
  if (value === undefined) return undefined;
  const tooLong = value.length > INVOKE_LIMITS.maxTenantIdLength;
  return tooLong || !TENANT_ID.test(value) ? refuse('tenant-id', value, tooLong) : undefined;
}

function findDurableExecutionNameFault(value: string | undefined): Refusal | undefined {
  if (value === undefined) return undefined;
  const tooLong = value.length > INVOKE_LIMITS.maxDurableExecutionNameLength;
  return tooLong || !DURABLE_EXECUTION_NAME.test(value) ? refuse('durable-execution-name', value, tooLong) : undefined;
}

/** The header of each argument. A signed caller must sign each of these headers that it sends. */
export const ARGUMENT_HEADERS = {
  invocationType: 'x-amz-invocation-type',
  logType: 'x-amz-log-type',
  clientContext: 'x-amz-client-context',
  tenantId: 'x-amz-tenant-id',
  durableExecutionName: 'x-amz-durable-execution-name',
  contentType: 'content-type',
} as const;
type NamedValues = { -readonly [K in keyof typeof ARGUMENT_HEADERS]?: string };
const MEMBERS = Object.entries(ARGUMENT_HEADERS) as readonly [keyof NamedValues, string][];

/** `X-Amz-*` parameters that carry no argument. Each parameter means the same as the header with the same name. */
const OTHER_PARAMETERS: ReadonlySet<string> = new Set([
  'x-amz-content-sha256',
  'x-amz-security-token',
  'x-amz-user-agent',
]);
/** The parameters that make up the signature of a presigned query. Their names are case-sensitive. */
const SIGNATURE_PARAMETERS: ReadonlySet<string> = new Set(
  ['Algorithm', 'Credential', 'Date', 'Expires', 'Signature', 'SignedHeaders'].map((name) => `X-Amz-${name}`),
);

/**
 * Reads the arguments that headers carry. Signers move `X-Amz-*` headers, in any letter case, into the query that they sign.
 * Such a parameter means the same as its header, for every kind of caller. No valid value contains a comma, so a comma
 * means a repeated header.
 */
function readNamed(header: ArgumentSource['header'], query: QueryParameters): Result<NamedValues, Refusal> {
  const values: NamedValues = {};
  for (const [member, name] of MEMBERS) {
    const value = header(name);
    if (value === undefined) continue;
    if (value.includes(',') && member !== 'contentType') return err(refuse('header-repeated', name));
    values[member] = value;
  }
  const isPresigned = query.has('X-Amz-Algorithm');
  const taken = new Set<string>();
  for (const [parameter, [value = '', ...more]] of query) {
    const name = parameter.toLowerCase();
    if (!name.startsWith('x-amz-')) continue;
    if (isPresigned && SIGNATURE_PARAMETERS.has(parameter)) continue;
    if (more.length > 0 || taken.has(name)) return err(refuse('parameter-repeated', parameter));
    taken.add(name);
    if (OTHER_PARAMETERS.has(name)) continue;
    const member = MEMBERS.find(([, argument]) => argument === name)?.[0];
    // This argument is newer than this code. Ignoring the argument would change the call, so the call is refused.
    if (member === undefined) return err(refuse('parameter-unknown', parameter));
    if (values[member] !== undefined) return err(refuse('argument-repeated', name, parameter));
    if (value.includes(',')) return err(refuse('parameter-repeated', parameter));
    values[member] = value;
  }
  return ok(values);
}
