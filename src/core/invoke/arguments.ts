import { decodePercent, type QueryParameters } from '../query.ts';
import { type Refusal, refuse } from '../refusal.ts';
import { no, ok, type Result } from '../result.ts';
import { isClientContext } from './client-context.ts';
import { isAcceptedContentType } from './content-type.ts';
import { type FunctionName, parseFunctionName } from './function-name.ts';
import { INVOKE_LIMITS } from './limits.ts';
import { parseQualifier } from './qualifier.ts';
import {
  INVOCATION_TYPES,
  type InvocationType,
  isInvocationType,
  isLogType,
  type LogType,
  type Operation,
  STREAMED_INVOCATION_TYPES,
} from './types.ts';

/** The arguments of one call, all valid. */
export interface InvokeArguments {
  readonly operation: Operation;
  /** The function, with the qualifier of the name or of the query; absent means none was given. */
  readonly function: FunctionName;
  /** The FunctionName as the caller wrote it, percent-decoded. For messages to that caller only. */
  readonly givenName: string;
  readonly invocationType: InvocationType;
  readonly logType: LogType;
  /** Base64 of a JSON object, as it came. */
  readonly clientContext?: string;
  readonly tenantId?: string;
  readonly durableExecutionName?: string;
}

/** What the arguments are read from. */
export interface ArgumentSource {
  readonly operation: Operation;
  /** Still percent-encoded. */
  readonly rawFunctionName: string;
  /** Undefined where the query's encoding is broken. */
  readonly query: QueryParameters | undefined;
  /** A header's value by lower-case name; repeated headers arrive joined with a comma. */
  readonly header: (name: string) => string | undefined;
  /** Characters that a whole FunctionName may have. */
  readonly maxFunctionNameLength: number;
}

const ONLY_DOTS = /^\.+$/;
/** The Lambda service model, TenantId and DurableExecutionName. */
const TENANT_ID = /^[a-zA-Z0-9._:/=+\-@ ]+$/;
const DURABLE_EXECUTION_NAME = /^[a-zA-Z0-9\-_]+$/;

/** Bytes of payload that a call may have. */
export function maxPayloadBytes(operation: Operation, type: InvocationType): number {
  if (operation === 'InvokeAsync') return INVOKE_LIMITS.maxInvokeAsyncPayloadBytes;
  return type === 'Event' ? INVOKE_LIMITS.maxEventPayloadBytes : INVOKE_LIMITS.maxSyncPayloadBytes;
}

/** The InvocationType of a request whose header is not checked yet; what is not valid counts as the default. */
export function presumedInvocationType(operation: Operation, header: string | undefined): InvocationType {
  // API_InvokeAsync has no such argument: it is what `Event` became.
  if (operation === 'InvokeAsync') return 'Event';
  return header !== undefined && isInvocationType(header) ? header : 'RequestResponse';
}

/** Parses every argument of an Invoke, or says what is wrong with the first that is not valid. */
export function parseArguments(source: ArgumentSource): Result<InvokeArguments, Refusal> {
  const name = parseName(source);
  if (!name.ok) return name;

  const given = readHeaders(source.header);
  if (!given.ok) return given;
  const {
    invocationType = 'RequestResponse',
    logType,
    clientContext,
    tenantId,
    durableExecutionName,
    contentType,
  } = given.value;

  const { operation } = source;
  const types: readonly string[] =
    operation === 'InvokeWithResponseStream' ? STREAMED_INVOCATION_TYPES : INVOCATION_TYPES;
  if (!isInvocationType(invocationType) || !types.includes(invocationType)) {
    return no(refuse('invocation-type', invocationType, types));
  }
  if (logType !== undefined && !isLogType(logType)) return no(refuse('log-type', logType));
  if (clientContext !== undefined) {
    if (clientContext.length > INVOKE_LIMITS.maxClientContextBytes) {
      return no(refuse('client-context-too-long', clientContext.length));
    }
    if (!isClientContext(clientContext)) return no(refuse('client-context'));
  }
  if (tenantId !== undefined) {
    const tooLong = tenantId.length > INVOKE_LIMITS.maxTenantIdLength;
    if (tooLong || !TENANT_ID.test(tenantId)) return no(refuse('tenant-id', tenantId, tooLong));
  }
  if (durableExecutionName !== undefined) {
    const tooLong = durableExecutionName.length > INVOKE_LIMITS.maxDurableExecutionNameLength;
    if (tooLong || !DURABLE_EXECUTION_NAME.test(durableExecutionName)) {
      return no(refuse('durable-execution-name', durableExecutionName, tooLong));
    }
  }
  if (!isAcceptedContentType(contentType)) return no(refuse('content-type', contentType ?? ''));

  return ok({
    ...name.value,
    operation,
    invocationType: operation === 'InvokeAsync' ? 'Event' : invocationType,
    logType: logType ?? 'None',
    ...(clientContext !== undefined && { clientContext }),
    ...(tenantId !== undefined && { tenantId }),
    ...(durableExecutionName !== undefined && { durableExecutionName }),
  });
}

/** The function that the path names, with the qualifier that the path or the query gives. */
function parseName(source: ArgumentSource): Result<Pick<InvokeArguments, 'function' | 'givenName'>, Refusal> {
  const givenName = decodePercent(source.rawFunctionName);
  if (givenName === undefined) return no(refuse('function-name', source.rawFunctionName, { kind: 'pattern' }));
  const name = parseFunctionName(givenName, source.maxFunctionNameLength);
  if (!name.ok) return no(refuse('function-name', givenName, name.error));
  // The pattern lets a name be only dots. No function has one, and in a path it would mean another place.
  if (ONLY_DOTS.test(name.value.name)) return no(refuse('function-name', givenName, { kind: 'dots' }));

  if (source.query === undefined) return no(refuse('query-malformed'));
  const values = source.query.get('Qualifier') ?? [];
  if (values.length > 1) return no(refuse('parameter-repeated', 'Qualifier'));
  const parameter = values[0] ?? '';
  const qualifier = parseQualifier(parameter);
  if (!qualifier.ok) return no(refuse('qualifier', parameter, qualifier.error));
  const inName = name.value.qualifier;
  if (inName !== undefined && qualifier.value !== undefined && inName !== qualifier.value) {
    return no(refuse('qualifier-mismatch'));
  }
  return ok({
    givenName,
    function: qualifier.value === undefined ? name.value : { ...name.value, qualifier: qualifier.value },
  });
}

/** The headers that are arguments, by member. A signed caller has to sign those that it sends. */
export const ARGUMENT_HEADERS = {
  invocationType: 'x-amz-invocation-type',
  logType: 'x-amz-log-type',
  clientContext: 'x-amz-client-context',
  tenantId: 'x-amz-tenant-id',
  durableExecutionName: 'x-amz-durable-execution-name',
  contentType: 'content-type',
} as const;
type HeaderValues = { -readonly [K in keyof typeof ARGUMENT_HEADERS]?: string };

/** Reads the headers that are arguments. None has a valid value with a comma, so a comma means it was repeated. */
function readHeaders(header: ArgumentSource['header']): Result<HeaderValues, Refusal> {
  const values: HeaderValues = {};
  for (const [member, name] of Object.entries(ARGUMENT_HEADERS) as [keyof HeaderValues, string][]) {
    const value = header(name);
    if (value === undefined) continue;
    if (value.includes(',')) return no(refuse('header-repeated', name));
    values[member] = value;
  }
  return ok(values);
}
