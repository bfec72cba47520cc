import {
  type InvocationResponse,
  InvokeAsyncCommand,
  InvokeCommand,
  type InvokeCommandInput,
  InvokeWithResponseStreamCommand,
  type InvokeWithResponseStreamCommandInput,
  type InvokeWithResponseStreamCommandOutput,
  LambdaClient,
  LambdaServiceException,
} from '@aws-sdk/client-lambda';
import type { Case, Need, Outcome, OutcomeError } from './case.ts';
import { payloadOf } from './cases.ts';
import { payloadMembers } from './payload-members.ts';
import { fetchPresigned } from './presigned.ts';

/** An AWS key pair. */
export interface KeyPair {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** The endpoint that the cases are sent to, and the credentials that sign them. */
export interface Target {
  readonly endpoint: string;
  /** Answers every call with 429 and `Retry-After: 1`. Only cases with `endpoint: 'throttle'` use this endpoint. */
  readonly throttleEndpoint?: string;
  readonly region: string;
  readonly credentials: KeyPair;
  /** A valid key pair of a caller who may call nothing. Only cases with `credentials: 'other-tenant'` use it. */
  readonly otherCredentials?: KeyPair;
}

const UNKNOWN_KEY: KeyPair = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};
const ONE_HOUR_MS = 3_600_000;
/** The features that this SDK lacks, each with the reason. */
const LACKS: Partial<Record<Need, string>> = {
  headers: 'the SDK takes no headers of the caller',
  presignWithoutExpires: 'its presigner always writes X-Amz-Expires',
};

/** Runs a case with the unmodified AWS SDK for JavaScript v3. Rejects only if the target lacks something the case needs. */
export async function runCase(one: Case, target: Target): Promise<Outcome> {
  const lacking = one.needs?.find((need) => need in LACKS);
  if (lacking !== undefined) return { id: one.id, unsupported: LACKS[lacking] ?? '' };
  const client = clientOf(one, target);
  try {
    return { id: one.id, ...(await call(client, one)) };
  } catch (error) {
    const attempts = error instanceof LambdaServiceException ? error.$metadata.attempts : undefined;
    return { id: one.id, error: outcomeError(error), ...(attempts !== undefined && { attempts }) };
  } finally {
    client.destroy();
  }
}

function clientOf({ credentials, endpoint, retries }: Case, target: Target): LambdaClient {
  return new LambdaClient({
    endpoint: endpoint === 'throttle' ? required('throttleEndpoint', target.throttleEndpoint) : target.endpoint,
    region: target.region,
    credentials: keyPairOf(credentials, target),
    // An endpoint that never answers must not block the remaining cases.
    requestHandler: { connectionTimeout: 10_000, requestTimeout: 60_000, throwOnRequestTimeout: true },
    ...(retries !== 'default' && { maxAttempts: 1 }),
    ...(credentials === 'skewed-clock' && { systemClockOffset: -ONE_HOUR_MS }),
  });
}

function keyPairOf(fault: Case['credentials'], { credentials, otherCredentials }: Target): KeyPair {
  if (fault === 'wrong-secret') return { ...credentials, secretAccessKey: 'wrong' };
  if (fault === 'unknown-key') return UNKNOWN_KEY;
  return fault === 'other-tenant' ? required('otherCredentials', otherCredentials) : credentials;
}

function required<T>(name: string, value: T | undefined): T {
  if (value === undefined) throw new Error(`the case needs ${name}`);
  return value;
}

async function call(client: LambdaClient, one: Case): Promise<Omit<Outcome, 'id'>> {
  if (one.operation === 'InvokeAsync') {
    const input = { FunctionName: one.function, InvokeArgs: payloadOf(one) ?? Buffer.alloc(0) };
    const { Status, $metadata } = await client.send(new InvokeAsyncCommand(input));
    return present({ status: Status, attempts: $metadata.attempts });
  }
  if (one.operation === 'Presigned') return fetchPresigned(client, new InvokeCommand(inputOf(one)));
  if (one.operation === 'Invoke') return answer(await client.send(new InvokeCommand(inputOf(one))));
  const input: InvokeWithResponseStreamCommandInput = { ...inputOf(one), InvocationType: undefined };
  return streamed(await client.send(new InvokeWithResponseStreamCommand(input)));
}

function inputOf(one: Case): InvokeCommandInput {
  const payload = payloadOf(one);
  return {
    FunctionName: one.function,
    ...(one.qualifier !== undefined && { Qualifier: one.qualifier }),
    ...(one.invocationType !== undefined && { InvocationType: one.invocationType }),
    ...(one.logType !== undefined && { LogType: one.logType }),
    ...(one.clientContext !== undefined && { ClientContext: one.clientContext }),
    ...(one.tenantId !== undefined && { TenantId: one.tenantId }),
    ...(payload !== undefined && { Payload: payload }),
  };
}

function answer(response: InvocationResponse & { $metadata: { attempts?: number } }): Omit<Outcome, 'id'> {
  return present({
    status: response.StatusCode,
    executedVersion: response.ExecutedVersion,
    functionError: response.FunctionError,
    ...payloadMembers(response.Payload ?? Buffer.alloc(0)),
    log: decoded(response.LogResult),
    attempts: response.$metadata.attempts,
  });
}

async function streamed(response: InvokeWithResponseStreamCommandOutput): Promise<Omit<Outcome, 'id'>> {
  const chunks: Uint8Array[] = [];
  let end: { readonly ErrorCode?: string | undefined; readonly LogResult?: string | undefined } | undefined;
  for await (const { PayloadChunk, InvokeComplete } of response.EventStream ?? []) {
    if (PayloadChunk?.Payload) chunks.push(PayloadChunk.Payload);
    if (InvokeComplete) end = InvokeComplete;
  }
  return present({
    status: response.StatusCode,
    executedVersion: response.ExecutedVersion,
    functionError: end?.ErrorCode,
    ...payloadMembers(Buffer.concat(chunks)),
    log: decoded(end?.LogResult),
    chunks: chunks.length,
    complete: end !== undefined,
    attempts: response.$metadata.attempts,
  });
}

const decoded = (base64: string | undefined) =>
  base64 === undefined ? undefined : Buffer.from(base64, 'base64').toString();

function outcomeError(error: unknown): OutcomeError {
  if (!(error instanceof Error)) return { name: 'unknown', message: String(error) };
  const { name, message } = error;
  if (!(error instanceof LambdaServiceException)) {
    // If the connection fails at every address of a host, the error has a code but no message.
    return { name, message: message || String((error as NodeJS.ErrnoException).code ?? '') };
  }
  const { httpStatusCode: status } = error.$metadata;
  const typed = error.constructor !== LambdaServiceException;
  return { name, message, typed, ...(status !== undefined && { status }) };
}

/** Removes the members whose value is undefined. */
function present<T extends object>(members: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(members).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}
